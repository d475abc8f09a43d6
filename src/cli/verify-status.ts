import { VerificationLog } from '../registry/verify/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { openExistingStore } from './open-store.js';
import { printStatus } from './verify-report.js';

/** `berth verify --status`: what the last pass found. The exit code is 1 if that was not all repaired. */
export async function verifyStatus(file: string | undefined, { json }: { json: boolean }): Promise<void> {
  const { config } = await readConfig(file, process.env);
  await using opened = await openExistingStore(config, consoleLogger());
  const log = new VerificationLog(opened.driver);
  const [last, mark] = await Promise.all([log.last(), log.mark()]);
  if (json) process.stdout.write(`${JSON.stringify({ last, mark }, undefined, 2)}\n`);
  else printStatus({ last, mark });
  if (last && last.remaining > 0) process.exitCode = 1;
}
