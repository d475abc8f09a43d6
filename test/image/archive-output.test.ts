import { lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ArchiveOutput } from '../../src/image/index.js';
import { makeFifo } from '../../src/linux/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';

async function write(path: string): Promise<void> {
  await using output = await ArchiveOutput.toFile(path);
  const bytes = Buffer.from('x');
  const entry = { path: 'a', type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, mtime: 0 } as const;
  await output.add(entry, [bytes]);
  await output.finish();
}

describe('ArchiveOutput.toFile', () => {
  it('appears as a whole, in the place of what was there', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a.tar');
    writeFileSync(path, 'old');
    await write(path);
    expect(readFileSync(path).subarray(0, 2).toString()).toBe('a\0');
    expect(readdirSync(folder.path)).toEqual(['a.tar']);
  });

  it('follows links, also to what is not there yet', async () => {
    await using folder = await temporaryFolder();
    symlinkSync('target.tar', join(folder.path, 'link'));
    await write(join(folder.path, 'link'));
    await write(join(folder.path, 'link'));
    expect(lstatSync(join(folder.path, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder.path, 'target.tar')).length).toBe(2048);
  });

  it('writes into a pipe, which stays one', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'pipe');
    makeFifo(path, 0o600);
    const [read] = await Promise.all([readFile(path), write(path)]);
    expect(read.length).toBe(2048);
    expect(lstatSync(path).isFIFO()).toBe(true);
  });

  it('waits for a reader of a pipe, unless it is told to stop', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'pipe');
    makeFifo(path, 0o600);
    const stop = new AbortController();
    const waiting = ArchiveOutput.toFile(path, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ cause: { message: 'enough' } });
  });

  it('says at once why it cannot', async () => {
    await using folder = await temporaryFolder();
    await expect(ArchiveOutput.toFile('/nowhere/x.tar')).rejects.toThrow(
      'cannot write /nowhere/x.tar: no such file or directory',
    );
    await expect(ArchiveOutput.toFile(folder.path)).rejects.toThrow(
      `cannot write ${folder.path}: it is a directory`,
    );
  });
});
