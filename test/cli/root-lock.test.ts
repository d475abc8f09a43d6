import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { lockRoot, RootTakenError, SERVER } from '../../src/cli/root-lock.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('lockRoot', () => {
  it('gives a directory to one at a time', async () => {
    await using folder = await temporaryFolder();
    const first = lockRoot(folder.path, { command: SERVER });
    expect(() => lockRoot(folder.path, { command: SERVER })).toThrow(RootTakenError);
    expect(() => lockRoot(folder.path, { command: SERVER })).toThrow(
      `berth serve (process ${process.pid} on `,
    );
    first[Symbol.dispose]();
    using _second = lockRoot(folder.path, { command: SERVER });
    expect(() => lockRoot(folder.path, { command: SERVER })).toThrow(RootTakenError);
  });

  it('says which command has it', async () => {
    await using folder = await temporaryFolder();
    using _command = lockRoot(folder.path, { command: 'berth gc' });
    expect(() => lockRoot(folder.path, { command: SERVER })).toThrow(
      `cannot serve ${folder.path}: berth gc (process ${process.pid} on `,
    );
  });

  it('knows a server of a version that wrote no command', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'berth'));
    using other = new DatabaseSync(join(folder.path, 'berth/server.sqlite'));
    other.exec(
      "CREATE TABLE server (pid INTEGER, host TEXT, token TEXT); INSERT INTO server VALUES (7, 'a', 'x')",
    );
    lockRoot(folder.path, { command: 'berth gc' })[Symbol.dispose]();
    other.exec('DROP TABLE server; CREATE TABLE server (pid INTEGER, host TEXT, token TEXT)');
    other.exec("INSERT INTO server VALUES (7, 'a', 'x'); BEGIN; SELECT * FROM server");
    expect(() => lockRoot(folder.path, { command: SERVER })).toThrow(
      'another berth serve (process 7 on a) has it',
    );
  });

  it('is not waited for by who can do without', async () => {
    await using folder = await temporaryFolder();
    using _server = lockRoot(folder.path, { command: SERVER });
    const wait = () => {
      const asked = performance.now();
      expect(() => lockRoot(folder.path, { command: 'berth gc', waitMs: 5 })).toThrow(RootTakenError);
      return performance.now() - asked;
    };
    await expect.poll(wait).toBeLessThan(100); // on a busy machine not each
  });

  it('begins anew where its file is damaged', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'berth'));
    await writeFile(
      join(folder.path, 'berth/server.sqlite'),
      'no database, but long enough to look at'.repeat(30),
    );
    using _lock = lockRoot(folder.path, { command: SERVER });
    expect(() => lockRoot(folder.path, { command: SERVER })).toThrow(RootTakenError);
  });

  it('is another failure where nothing can be locked', () =>
    expect(() => lockRoot('/dev/null', { command: SERVER })).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }),
    ));
});
