import { type Config, parseSize } from '../registry/config/index.js';
import { adviceFor, type Finding, type Mending, Repairer, Verifier } from '../registry/verify/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { UsageError } from './failure.js';
import { Interruption } from './interruption.js';
import { perform } from './maintenance.js';
import { openExistingStore } from './open-store.js';
import type { RegistryFlags } from './registry-options.js';
import { configuredSources, namedSource } from './repair-sources.js';
import { manifestRules } from './settings.js';
import { VerifyProgress } from './verify-progress.js';
import { findingLine, printVerification } from './verify-report.js';

export type VerifyFlags = RegistryFlags &
  Readonly<{
    config?: string;
    rate?: string;
    from?: string;
    dryRun?: boolean;
    continue?: boolean;
    json?: boolean;
  }>;

/** Files that are read side by side: answers from afar take their time. */
const AT_ONCE = { near: 2, far: 8 };
/** Handing over opens the store anew where no server has it. */
const PATIENCE_MS = 2000;

/** `berth verify`. The exit code is 1 while anything is wrong. */
export async function verify(flags: VerifyFlags): Promise<void> {
  const { config } = await readConfig(flags.config, process.env);
  const maxBytesPerSecond = flags.rate === undefined ? undefined : parseRate(flags.rate);
  using interruption = new Interruption();
  const { signal } = interruption;
  const log = { ...consoleLogger(), info: () => {} };
  await using opened = await openExistingStore(config, log);
  await using configured = await configuredSources(config);
  await using named = flags.from === undefined ? undefined : await namedSource(flags.from, flags, { signal });
  const { driver, uploads, store } = opened;
  const repairer = new Repairer({ driver, uploads, log }, [...(named?.sources ?? []), ...configured.sources]);
  const isReadOnly = flags.dryRun === true || config.storage.maintenance.readonly.enabled;
  const verifier = new Verifier({
    ...store,
    rules: manifestRules(config),
    repair: isReadOnly ? undefined : { mend: mendsOf(config), patienceMs: PATIENCE_MS, repairer },
  });
  using progress = new VerifyProgress();
  const verification = await verifier.run({
    maxBytesPerSecond,
    atOnce: driver.walk ? AT_ONCE.far : AT_ONCE.near,
    resume: flags.continue === true,
    onProgress: progress.tell,
    onFinding: (finding: Finding) => {
      progress.clear();
      if (!flags.json) process.stdout.write(`${findingLine(finding)}: ${adviceFor(finding)}\n`);
    },
    signal,
  });
  progress.clear();
  if (verification === undefined) {
    if (!isReadOnly) process.stderr.write('berth verify --continue goes on from here\n');
    throw signal.reason;
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(verification, undefined, 2)}\n`);
  else printVerification(verification);
  if (verification.remaining > 0) process.exitCode = 1;
}

/** By the server that has the files, or here while none has. */
function mendsOf(config: Config) {
  return async (mendings: readonly Mending[]) => {
    const outcome = await perform(config, { kind: 'mend', mendings });
    if (outcome.kind !== 'mend') throw new Error(`unexpected outcome ${outcome.kind}`);
    return outcome.mended;
  };
}

/** @throws {UsageError} */
function parseRate(text: string): number {
  try {
    const rate = parseSize(text.replace(/\/s$/, ''));
    if (rate > 0) return rate;
  } catch {
    // said below
  }
  throw new UsageError(`--rate: ${text} is not so many bytes in a second, such as 50MiB`);
}
