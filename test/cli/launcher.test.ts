import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { cleanEnvironment, run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

it.each([
  { args: ['serve', 'config.yml'], serves: true },
  { args: ['-D', 'serve'], serves: true },
  { args: ['--config', 'images', '--log-level=debug', 'serve', '--workers', '2'], serves: true },
  { args: ['run', 'server'], serves: false },
  { args: ['--debug'], serves: false },
  { args: [], serves: false },
])('the launcher tells what serves from what is soon done: $args', async ({ args, serves }) => {
  await using folder = await temporaryFolder();
  const node = join(folder.path, 'node');
  await writeFile(node, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
  await chmod(node, 0o755);
  const words = (await run([BERTH, ...args], { env: cleanEnvironment({ NODE_BIN: node }) })).split('\n');
  expect(words.includes('--min-semi-space-size=4')).toBe(!serves);
  expect(words.slice(words.indexOf('--') + 2, -1)).toEqual(args);
});
