import { appendFile, readFile, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AuditEntry, AuditLog } from '../../../src/registry/operations/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const at = new Date('2026-11-28T12:00:00Z');
const entry = (tag: string): AuditEntry => ({
  ...{ at, action: 'push', kind: 'manifest', repository: 'app', tag, actor: undefined, result: 'done' },
});

async function tagsIn(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line).tag);
}

describe('the audit log', () => {
  it('adds a line of JSON for each entry, in order', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'audit.log');
    await writeFile(path, '{"tag":"v0"}\n');
    await using audit = await AuditLog.open(path, quiet);
    await Promise.all([audit.write([entry('v1'), entry('v2')]), audit.write([entry('v3')])]);
    expect((await tagsIn(path)).sort()).toEqual(['v0', 'v1', 'v2', 'v3']);
    expect(await readFile(path, 'utf8')).toContain(
      '{"time":"2026-11-28T12:00:00.000Z","action":"push","kind":"manifest","repository":"app","tag":"v1","result":"done"}\n',
    );
  });

  it('goes on in a new file once it is told that the old one was moved', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'audit.log');
    await using audit = await AuditLog.open(path, quiet);
    await audit.write([entry('v1')]);
    await rename(path, `${path}.1`);
    audit.reopen();
    await audit.write([entry('v2')]);
    expect([await tagsIn(`${path}.1`), await tagsIn(path)]).toEqual([['v1'], ['v2']]);
  });

  it('keeps what a full disk does not take, and says so', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'audit.log');
    await symlink('/dev/full', path);
    await using audit = await AuditLog.open(path, quiet);
    await audit.write([entry('v1')]);
    expect(audit.problem).toMatch(/no space left/i);
    await unlink(path);
    await appendFile(path, '');
    audit.reopen();
    await audit.write([entry('v2')]);
    await expect.poll(() => tagsIn(path).catch(() => [])).toEqual(['v1', 'v2']);
    expect(audit.problem).toBeUndefined();
  });

  it('cannot be where nothing can be written', async () => {
    await expect(AuditLog.open('/nowhere/audit.log', quiet)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
