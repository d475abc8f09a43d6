import type { Uploads } from '../content/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import type { Maintenance } from '../registry/maintenance/index.js';
import type { RepositoryStore } from '../registry/repositories/index.js';
import { adviceFor, type Repair, Repairer, VerificationLog, Verifier } from '../registry/verify/index.js';
import { configuredSources } from './repair-sources.js';
import { repeat } from './schedule.js';
import { manifestRules } from './settings.js';

/** After the start, and after a pass that failed. */
const LOOK = { first: 60_000, interval: 3_600_000 };

type Parts = Readonly<{ store: RepositoryStore; uploads: Uploads; maintenance: Maintenance; log: Logger }>;

/** Reads all that is stored, slowly, again and again until `signal`. A pass that a stop interrupts goes on after the start. */
export async function scheduleVerification(config: Config, parts: Parts, signal: AbortSignal): Promise<void> {
  const { enabled, interval, rate } = config.berth.verify;
  if (!enabled) return;
  const { store, uploads, maintenance, log } = parts;
  const { driver } = store;
  await using elsewhere = await configuredSources(config);
  const repairer = new Repairer({ driver, uploads, log }, elsewhere.sources);
  const repair: Repair = {
    mend: async (mendings) => {
      const outcome = await maintenance.run({ kind: 'mend', mendings }, signal);
      return outcome.kind === 'mend' ? outcome.mended : [];
    },
    patienceMs: 0,
    repairer,
  };
  const verifier = new Verifier({ ...store, rules: manifestRules(config), repair });
  const results = new VerificationLog(driver);
  const isDue = async () => {
    const last = await results.last();
    const next = last === undefined ? 0 : last.finishedAt.getTime() + interval;
    return store.now().getTime() >= next || (await results.mark()) !== undefined;
  };
  const first = Math.min(LOOK.first, interval);
  await repeat({ first, interval: Math.min(LOOK.interval, interval) }, signal, async () => {
    try {
      if (!(await isDue())) return;
      const verification = await verifier.run({
        maxBytesPerSecond: rate,
        atOnce: 1,
        resume: true,
        onFinding: (finding) =>
          log.error({ ...finding, advice: adviceFor(finding) }, 'what is stored is wrong'),
        signal,
      });
      if (verification === undefined) return;
      const { findings: _, startedAt, finishedAt, ...counts } = verification;
      log.info(
        { ...counts, milliseconds: Number(finishedAt) - Number(startedAt) },
        'all that is stored was read',
      );
    } catch (error) {
      if (!signal.aborted) log.error({ error }, 'what is stored could not be verified');
    }
  });
}
