import type { EventRequest } from '../registry/events/index.js';
import type { PublicUrl, Refusal, RegistryContext, Witness } from '../registry/http/index.js';
import { type AuditEntry, clientAddress } from '../registry/operations/index.js';
import { entryOf, type Witnesses } from './witnesses.js';

type ClientParts = Readonly<{
  url: PublicUrl;
  /** Goes between the address of the registry and `/v2/`. */
  prefix: string;
  trusted: (address: string | undefined) => boolean;
}>;

/** Tells of what clients do. @returns `undefined` where nobody wants to know. */
export function requestWitness(
  { notifications, audit }: Pick<Witnesses, 'notifications' | 'audit'>,
  clients: ClientParts,
): Witness | undefined {
  const notifier = notifications?.notifier;
  if (notifier === undefined && audit === undefined) return undefined;
  return {
    async changed(ctx, deeds) {
      await Promise.all([
        audit?.write(deeds.map((deed) => ({ ...entryOf(deed), ...whoOf(ctx, clients), result: 'done' }))),
        notifier?.tell(deeds, () => requestOf(ctx, clients)),
      ]);
    },
    pulled: (ctx, deed) => notifier?.tellLater(deed, () => requestOf(ctx, clients)),
    async refused(ctx, refusal) {
      await audit?.write([refusalEntry(ctx, refusal, clients)]);
    },
  };
}

function requestOf(ctx: RegistryContext, { url, prefix, trusted }: ClientParts): EventRequest {
  const { headers, method = '' } = ctx.req;
  const { id, peer } = ctx.state;
  const base = url(peer, headers);
  return {
    id,
    address: addressWithPort(ctx, trusted),
    host: headers[':authority']?.toString() ?? headers.host,
    method,
    userAgent: headers['user-agent'],
    user: userOf(ctx),
    baseUrl: base && `${base}${prefix}`,
  };
}

/** The port is that of the client only where no proxy is in between. */
function addressWithPort(ctx: RegistryContext, trusted: ClientParts['trusted']): string {
  const address = addressOf(ctx, trusted);
  const { remoteAddress, remotePort } = ctx.req.socket;
  const isDirect = remoteAddress === address || remoteAddress === `::ffff:${address}`;
  if (!isDirect || remotePort === undefined) return address;
  return address.includes(':') ? `[${address}]:${remotePort}` : `${address}:${remotePort}`;
}

function addressOf({ req, state }: RegistryContext, trusted: ClientParts['trusted']): string {
  return clientAddress(state.peer.address, req.headers['x-forwarded-for']?.toString(), trusted);
}

function userOf({ state: { identity } }: RegistryContext): string | undefined {
  return identity === 'anonymous' ? undefined : identity.user;
}

type Who = Pick<AuditEntry, 'at' | 'actor' | 'client' | 'request'>;

function whoOf(ctx: RegistryContext, { trusted }: ClientParts): Who {
  return { at: new Date(), actor: userOf(ctx), client: addressOf(ctx, trusted), request: ctx.state.id };
}

const ASKED: Readonly<Record<string, string>> = { GET: 'pull', HEAD: 'pull', DELETE: 'delete' };

function refusalEntry(
  ctx: RegistryContext,
  { status, reason, user }: Refusal,
  clients: ClientParts,
): AuditEntry {
  const { handler, repository } = ctx.state;
  const action = repository === undefined ? 'login' : (ASKED[ctx.method] ?? 'push');
  const reference = ctx.path.slice(ctx.path.lastIndexOf('/') + 1);
  const isDigest = reference.includes(':');
  const named = handler === 'manifest' || handler === 'blob' ? reference : undefined;
  return {
    ...whoOf(ctx, clients),
    action,
    kind: handler,
    repository,
    tag: isDigest ? undefined : named,
    digest: isDigest ? named : undefined,
    result: 'refused',
    status,
    reason,
    user,
    method: ctx.method,
  };
}
