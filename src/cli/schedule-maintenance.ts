import type { Uploads } from '../content/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { JobRunner, logFailure, Maintenance, type Task } from '../registry/maintenance/index.js';
import { repeat } from './schedule.js';
import type { scheduleVerification } from './schedule-verification.js';

const HOUR_MS = 3_600_000;
/** Soon enough for a trash that is kept for a day, and the first once a start is over. */
const EMPTY_TRASH = { first: HOUR_MS / 6, interval: HOUR_MS };

type Parts = ConstructorParameters<typeof Maintenance>[0] & Readonly<{ uploads: Uploads; log: Logger }>;

/**
 * Does what commands ask for, gives up what was deleted long ago, collects garbage and reads all that is stored where the
 * configuration says so, until `signal`.
 */
export async function scheduleMaintenance(
  config: Config,
  { log, uploads, ...parts }: Parts,
  signal: AbortSignal,
): Promise<void> {
  const { berth } = config;
  const maintenance = new Maintenance(parts);
  const jobs = new JobRunner(parts.store, maintenance, log);
  const perform = async (task: Task) => {
    try {
      const { kind: _, ...outcome } = summaryOf(await maintenance.run(task, signal));
      log.info({ task: task.kind, ...outcome }, 'maintenance done');
    } catch (error) {
      logFailure(log, error, { task: task.kind });
    }
  };
  const { enabled, interval, grace, untagged } = berth.gc;
  const collect: Task = { kind: 'collect', dryRun: false, grace, untagged, listed: false };
  const empty: Task = { kind: 'empty-trash', olderThan: berth.trash.keep };
  await Promise.all([
    jobs.run(signal),
    repeat(EMPTY_TRASH, signal, () => perform(empty)),
    enabled && repeat({ first: interval, interval }, signal, () => perform(collect)),
    berth.verify.enabled && verify(config, { store: parts.store, uploads, maintenance, log }, signal),
  ]);
}

/** What it repairs from speaks to other registries, which is loaded only where it is needed. */
async function verify(...[config, parts, signal]: Parameters<typeof scheduleVerification>): Promise<void> {
  const { scheduleVerification } = await import('./schedule-verification.js');
  await scheduleVerification(config, parts, signal).catch((error: unknown) =>
    parts.log.error({ error }, 'what is stored cannot be verified'),
  );
}

function summaryOf(outcome: Awaited<ReturnType<Maintenance['run']>>) {
  return outcome.kind === 'collect' ? { kind: outcome.kind, ...outcome.collection } : outcome;
}
