import type { Config } from '../registry/config/index.js';
import type { Deed, Notifier } from '../registry/events/index.js';
import type { Logger } from '../registry/logger.js';
import { type AuditEntry, AuditLog, type Check } from '../registry/operations/index.js';
import { reasonOf } from '../registry/system-error.js';
import type { Notifications, openNotifications } from './notifications.js';

/** Who is told of what is done: other programs, by events, and people, by the audit log. */
export type Witnesses = AsyncDisposable &
  Readonly<{
    notifications: Notifications | undefined;
    audit: AuditLog | undefined;
    checks: readonly Check[];
  }>;

/** @throws {Error} naming the key of what cannot be used. */
export async function openWitnesses(
  config: Config,
  parts: Parameters<typeof openNotifications>[1] & Readonly<{ auditPath?: string | undefined }>,
): Promise<Witnesses> {
  const { auditPath = config.berth.audit.path, log } = parts;
  const audit = auditPath ? await openAudit(auditPath, log) : undefined;
  const notifications = await openIfWanted(config, parts);
  return {
    notifications,
    audit,
    checks: [...checkOf('audit_log', audit), ...checkOf('notifications_queue', notifications?.notifier)],
    async [Symbol.asyncDispose]() {
      await notifications?.[Symbol.asyncDispose]();
      await audit?.[Symbol.asyncDispose]();
    },
  };
}

async function openAudit(path: string, log: Logger): Promise<AuditLog> {
  try {
    return await AuditLog.open(path, log);
  } catch (error) {
    throw new Error(`cannot use berth.audit.path ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What sends events is loaded only where there is somebody to send them to. */
async function openIfWanted(
  config: Config,
  parts: Parameters<typeof openNotifications>[1],
): Promise<Notifications | undefined> {
  if (config.notifications.endpoints.every(({ disabled }) => disabled)) return undefined;
  const { openNotifications } = await import('./notifications.js');
  return openNotifications(config, parts);
}

const CHECK = { effect: 'degraded', intervalMs: 5000, threshold: 1 } as const;

function checkOf(name: string, part: Pick<Notifier | AuditLog, 'problem'> | undefined): Check[] {
  if (part === undefined) return [];
  const run = async () => {
    const { problem } = part;
    if (problem !== undefined) throw problem instanceof Error ? problem : new Error(String(problem));
  };
  return [{ ...CHECK, name, run }];
}

/** What the audit log says of it. */
export function entryOf(
  deed: Deed,
): Pick<AuditEntry, 'action' | 'kind' | 'repository' | 'tag' | 'digest' | 'from'> {
  const { action, kind, repository } = deed;
  return {
    action,
    kind,
    repository,
    tag: 'tag' in deed ? deed.tag : undefined,
    digest: 'digest' in deed ? deed.digest : undefined,
    from: 'from' in deed ? deed.from : undefined,
  };
}
