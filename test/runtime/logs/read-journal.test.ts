import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readLog } from '../../../src/runtime/logs/index.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;

beforeEach(async () => {
  folder = await temporaryFolder();
  vi.stubEnv('PATH', `${folder.path}:${process.env.PATH}`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

const entry = (n: number) =>
  JSON.stringify({ __CURSOR: `c${n}`, PRIORITY: '6', MESSAGE: `line ${n}`, __REALTIME_TIMESTAMP: `${n}` });

it('the journal is read on from the last whole entry where it was followed to the end of a container', async () => {
  // It is killed before it has printed all of the second one.
  const script = `#!/bin/sh
case "$*" in
  *--sync*) ;;
  *--follow*) echo '${entry(1)}'; printf '${entry(2).slice(0, 50)}'; exec sleep 1000 ;;
  *--after-cursor=c1*) echo '${entry(2)}' ;;
esac
`;
  writeFileSync(join(folder.path, 'journalctl'), script, { mode: 0o755 });
  const ended = new AbortController();
  const lines: string[] = [];
  for await (const { text } of readLog({ journalOf: 'any' }, { follow: { ended: ended.signal } })) {
    lines.push(String(text));
    setTimeout(() => ended.abort(), 50);
  }
  expect(lines).toEqual(['line 1\n', 'line 2\n']);
});
