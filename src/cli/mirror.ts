import { readConfig } from './config.js';
import { perform } from './maintenance.js';

/** `berth mirror`. */
export async function mirror(
  names: readonly string[],
  { config: file, json = false, list = false }: Readonly<{ config?: string; json?: boolean; list?: boolean }>,
): Promise<void> {
  const { config } = await readConfig(file, process.env);
  if (list) {
    process.stdout.write(config.berth.mirrors.map(({ name }) => `${name}\n`).join(''));
    return;
  }
  if (config.berth.mirrors.length === 0) throw new Error('the configuration has no berth.mirrors');
  const outcome = await perform(config, { kind: 'mirror', names });
  if (outcome.kind !== 'mirror') throw new Error(`unexpected outcome ${outcome.kind}`);
  const { copied, unchanged, failures } = outcome;
  if (json) process.stdout.write(`${JSON.stringify({ copied, unchanged, failures }, undefined, 2)}\n`);
  else process.stdout.write(`copied ${copied}, unchanged ${unchanged}\n`);
  for (const failure of failures) process.stderr.write(`berth: ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
