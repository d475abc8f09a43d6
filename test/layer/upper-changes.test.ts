import { linkSync, lutimesSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diffUpper, LayerWriter, upperChanges } from '../../src/layer/index.js';
import { lsetxattr, makeDevice } from '../../src/linux/index.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { writeFiles } from './tree.js';

let folder: TemporaryFolder;
const at = (...parts: string[]) => join(folder.path, ...parts);

beforeEach(async () => {
  folder = await temporaryFolder();
  mkdirSync(at('upper'));
  mkdirSync(at('lower'));
});
afterEach(() => folder[Symbol.asyncDispose]());

const LETTERS = { added: 'A', changed: 'C', deleted: 'D' } as const;
const directories = () => ({ upper: at('upper'), lowers: [at('lower')], userxattr: true });

async function changes(leftovers: readonly string[] = []) {
  const found = await upperChanges({ ...directories(), leftovers: new Set(leftovers) });
  return found.map(({ kind, path }) => `${LETTERS[kind]} ${path}`);
}
/** As copying it up leaves it. */
function sameTime(...paths: readonly string[]) {
  for (const path of paths) for (const side of ['lower', 'upper']) lutimesSync(at(side, path), 1, 1);
}

describe('upperChanges', () => {
  it('goes depth first, and names a directory that something was added to', async () => {
    writeFiles(at('lower'), { 'a/old': '', 'a-b': '' });
    writeFiles(at('upper'), { 'a/new': '', 'a-b': 'changed', 'n/x': '' });
    sameTime('a');
    expect(await changes()).toEqual(['C /a', 'A /a/new', 'C /a-b', 'A /n', 'A /n/x']);
  });

  it('leaves out directories in which a file was changed, and that are as they were', async () => {
    writeFiles(at('lower'), { 'a/b/f': '' });
    writeFiles(at('upper'), { 'a/b/f': 'changed' });
    sameTime('a/b', 'a');
    expect(await changes()).toEqual(['C /a/b/f']);
  });

  it('tells what was deleted, by a mark or with the directory that it was in', async () => {
    writeFiles(at('lower'), { 'a/gone': '', 'b/gone': '', 'b/kept': '' });
    mkdirSync(at('upper/a'));
    makeDevice(at('upper/a/gone'), { type: 'character', permissions: 0, major: 0, minor: 0 });
    makeDevice(at('upper/never'), { type: 'character', permissions: 0, major: 0, minor: 0 });
    writeFiles(at('upper'), { 'b/kept': 'new' });
    lsetxattr(at('upper/b'), 'user.overlay.opaque', Buffer.from('y'));
    sameTime('a', 'b');
    expect(await changes()).toEqual(['C /a', 'D /a/gone', 'C /b', 'D /b/gone', 'C /b/kept']);
  });

  it('knows the files that fuse-overlayfs marks with', async () => {
    writeFiles(at('lower'), { 'a/gone': '', 'b/gone': '', 'b/kept': '' });
    writeFiles(at('upper'), {
      'b/kept': 'new',
      'b/.wh..wh..opq': '',
      'proc/.wh..wh..opq': '',
      'n/.wh..wh..opq': '',
    });
    makeDevice(at('upper/b/.wh..opq'), { type: 'character', permissions: 0, major: 0, minor: 0 });
    mkdirSync(at('upper/a'));
    makeDevice(at('upper/a/gone'), { type: 'character', permissions: 0, major: 0, minor: 0 });
    sameTime('a', 'b');
    const marked = { ...directories(), whiteoutFiles: true };
    const found = await upperChanges({ ...marked, leftovers: new Set(['proc']) });
    expect(found.map(({ kind, path }) => `${LETTERS[kind]} ${path}`)).toEqual([
      'C /a',
      'D /a/gone',
      'C /b',
      'D /b/gone',
      'C /b/kept',
      'A /n',
    ]);
    const writer = LayerWriter.create(at('layer.tar'));
    await diffUpper({ ...marked, leftovers: new Set(['proc']) }, writer);
    await writer.finish();
    const names = await run(['tar', '-tf', at('layer.tar')]);
    expect(names.split('\n')).toEqual(['a/', 'a/.wh.gone', 'b/', 'b/.wh..wh..opq', 'b/kept', 'n/', '']);
  });

  it('knows symbolic links and files with several names', async () => {
    writeFileSync(at('upper/f'), '1');
    linkSync(at('upper/f'), at('upper/g'));
    symlinkSync('f', at('upper/l'));
    expect(await changes()).toEqual(['A /f', 'A /g', 'A /l']);
  });

  it('does not show what was only made to mount something on', async () => {
    writeFiles(at('upper'), { 'etc/hosts': '', 'etc/resolv.conf': '', 'data/f': 'written below' });
    mkdirSync(at('upper/proc'));
    const places = ['etc', 'etc/hosts', 'etc/resolv.conf', 'proc', 'data'];
    expect(await changes(places)).toEqual(['A /data', 'A /data/f']);
    expect(await layerOf(places)).toEqual(['data', 'data/f']);
    writeFileSync(at('upper/etc/own'), '');
    expect(await changes(places)).toEqual(['A /data', 'A /data/f', 'A /etc', 'A /etc/own']);
    rmSync(at('upper/etc/own'));
    writeFileSync(at('upper/etc/hosts'), 'not empty');
    expect(await layerOf(places)).toEqual(['data', 'data/f', 'etc', 'etc/hosts']);
  });
});

async function layerOf(leftovers: readonly string[]) {
  rmSync(at('diff.tar'), { force: true });
  const writer = LayerWriter.create(at('diff.tar'));
  await diffUpper({ ...directories(), leftovers: new Set(leftovers) }, writer);
  return (await writer.finish()).index.entries.map(({ entry }) => entry.path);
}
