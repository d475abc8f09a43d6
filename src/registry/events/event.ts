import { randomUUID } from 'node:crypto';
import { type Descriptor, OciError, parseManifest } from '../../oci/index.js';
import type { Deed } from './deed.js';

/** What v2 of the reference registry sends, and what receivers that look at it ask for; v3 counted it up, for the same fields. */
export const EVENTS_TYPE = 'application/vnd.docker.distribution.events.v1+json';

const BLOB_TYPE = 'application/octet-stream';

/** Who asked for it, and how. */
export type Request = Readonly<{
  /** As in logs and `X-Request-Id`. */
  id: string;
  /** Address of the client, with its port where that is known. */
  address: string;
  host: string | undefined;
  method: string;
  userAgent: string | undefined;
  user: string | undefined;
  /** What clients call the registry, with its prefix: goes before `/v2/`. */
  baseUrl: string | undefined;
}>;

/** The process that tells: `addr` is host:port. */
export type EventSource = Readonly<{ addr: string; instanceID: string }>;

/** One event as receivers read it: members and their order are the reference registry's, `notifications/event.go`. */
type WireEvent = Readonly<{
  id: string;
  timestamp: string;
  action: Deed['action'];
  target: object;
  request: object;
  actor: object;
  source: EventSource;
}>;

/** An event, ready for a queue: `body` is JSON, and the rest is what endpoints choose by. */
export type RegistryEvent = Readonly<{
  id: string;
  at: Date;
  action: Deed['action'];
  repository: string;
  tag: string | undefined;
  digest: string | undefined;
  /** `undefined` for what was deleted. */
  mediaType: string | undefined;
  body: string;
}>;

/**
 * @param request `undefined` for what the registry did by itself.
 * @param options `references` lists what a manifest refers to, as `notifications.events.includereferences` asks.
 */
export function eventOf(
  deed: Deed,
  request: Request | undefined,
  { source, references, at }: Readonly<{ source: EventSource; references: boolean; at: Date }>,
): RegistryEvent {
  const id = randomUUID();
  const event: WireEvent = {
    id,
    timestamp: at.toISOString(),
    action: deed.action,
    target: targetOf(deed, request?.baseUrl, references),
    request: {
      id: request?.id,
      addr: request?.address,
      host: request?.host,
      method: request?.method ?? '',
      useragent: request?.userAgent ?? '',
    },
    actor: { name: request?.user },
    source,
  };
  return {
    id,
    at,
    action: deed.action,
    repository: deed.repository,
    tag: 'tag' in deed ? deed.tag : undefined,
    digest: 'digest' in deed ? deed.digest : undefined,
    mediaType: mediaTypeOf(deed),
    body: JSON.stringify(event),
  };
}

/** What is posted: the reference registry sends one event at a time, and indents it. */
export function envelopeOf(body: string): string {
  return JSON.stringify({ events: [JSON.parse(body)] }, undefined, 3);
}

/** @returns `undefined` for what was deleted. */
export function mediaTypeOf(deed: Deed): string | undefined {
  if (deed.action === 'delete') return undefined;
  return deed.kind === 'manifest' ? deed.mediaType : BLOB_TYPE;
}

/** `JSON.stringify` leaves out what is `undefined`, as Go leaves out what is empty. */
function targetOf(deed: Deed, baseUrl: string | undefined, references: boolean): object {
  const { repository } = deed;
  if (deed.action === 'delete') {
    return deed.kind === 'tag' ? { repository, tag: deed.tag } : { digest: deed.digest, repository };
  }
  const size = deed.kind === 'manifest' ? deed.bytes.byteLength : deed.size;
  return {
    mediaType: mediaTypeOf(deed),
    size,
    digest: deed.digest,
    length: size,
    repository,
    fromRepository: deed.action === 'mount' ? deed.from : undefined,
    url: baseUrl && `${baseUrl}/v2/${repository}/${deed.kind}s/${deed.digest}`,
    ...(deed.kind === 'manifest' ? { tag: deed.tag } : {}),
    ...(references && deed.kind === 'manifest' ? { references: referencesOf(deed) } : {}),
  };
}

/** None of what another registry stored and nobody can read: that it was pulled is still to be told. */
function referencesOf({ bytes, mediaType }: Readonly<{ bytes: Uint8Array; mediaType: string }>): object[] {
  try {
    const { config, layers, children } = parseManifest(bytes, mediaType);
    return [...(config ? [config] : []), ...layers, ...children].map(descriptorOf);
  } catch (error) {
    if (error instanceof OciError) return [];
    throw error;
  }
}

function descriptorOf({ mediaType, size, digest, urls, annotations, platform }: Descriptor): object {
  return { mediaType, size, digest, urls, annotations, platform };
}
