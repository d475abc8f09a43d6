import {
  chmodSync,
  chownSync,
  createReadStream,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  applyLayer,
  decompress,
  diffUpper,
  LayerIndex,
  LayerWriter,
  RootfsView,
  tarTree,
} from '../../src/layer/index.js';
import { lsetxattr, makeDevice, mount, umount } from '../../src/linux/index.js';
import { describeTree, writeFiles } from '../layer/tree.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const isRoot = process.geteuid?.() === 0;
const hasUmoci = await run(['umoci', '--version']).then(
  () => true,
  () => false,
);
const reason = [!isRoot && 'not root', !hasUmoci && 'no umoci'].filter(Boolean).join(', ');

let folder: TemporaryFolder;
const at = (...parts: string[]) => join(folder.path, ...parts);

beforeEach(async () => {
  folder = await temporaryFolder();
  await run(['umoci', 'init', '--layout', at('layout')]);
  await run(['umoci', 'new', '--image', `${at('layout')}:v1`]);
});
afterEach(() => folder[Symbol.asyncDispose]());

describe.skipIf(reason !== '')(`layers and umoci${reason && ` (left out: ${reason})`}`, () => {
  it('unpack to the same tree when they are ours', async () => {
    const layers = await makeLayers();
    for (const layer of layers)
      await run(['umoci', 'raw', 'add-layer', '--image', `${at('layout')}:v1`, layer]);
    await run(['umoci', 'raw', 'unpack', '--image', `${at('layout')}:v1`, at('umoci')]);
    const theirs = withoutDirectoryTimes(describeTree(at('umoci')));
    expect(Object.keys(theirs).length).toBeGreaterThan(15);
    expect(withoutDirectoryTimes(describeTree(await applied(layers)))).toEqual(theirs);
    expect(withoutDirectoryTimes(await overlaid(layers))).toEqual(theirs);
    expect(await viewed(layers)).toEqual(Object.keys(theirs));
  });

  it('unpack to the same tree when they are theirs', async () => {
    const [first] = await makeLayers();
    await run(['umoci', 'raw', 'add-layer', '--image', `${at('layout')}:v1`, first ?? '']);
    await run(['umoci', 'unpack', '--image', `${at('layout')}:v1`, at('bundle')]);
    changeTree(at('bundle/rootfs'));
    await run(['umoci', 'repack', '--image', `${at('layout')}:v1`, at('bundle')]);
    const timeless = { times: false }; // Go rounds the times of tars, rather than cutting them
    const theirs = describeTree(at('bundle/rootfs'), timeless);
    const layers = await layersOf(at('layout'));
    expect(layers).toHaveLength(2);
    expect(describeTree(await applied(layers), timeless)).toEqual(theirs);
    expect(await overlaid(layers, timeless)).toEqual(theirs);
    expect(await viewed(layers)).toEqual(Object.keys(theirs));
  });
});

/** A base, and what an overlay on it became by {@link changeTree}. */
async function makeLayers(): Promise<string[]> {
  const base = at('base');
  writeFiles(base, {
    'etc/motd': 'hello',
    'etc/old': '',
    'usr/lib/so.1': 'elf',
    'usr/lib/größe': 'ü',
    'opt/a/b': '1',
    'opt/c': '2',
    'var/log/x': '',
    swap: 's',
  });
  symlinkSync('so.1', join(base, 'usr/lib/so'));
  linkSync(join(base, 'etc/motd'), join(base, 'etc/motd.hard'));
  mkdirSync(join(base, 'tmp'));
  chmodSync(join(base, 'tmp'), 0o1777);
  chownSync(join(base, 'etc/motd'), 12, 34);
  chmodSync(join(base, 'usr/lib/so.1'), 0o4755);
  lsetxattr(
    join(base, 'usr/lib/so.1'),
    'security.capability',
    Buffer.from('0100000200200000000000000000000000000000', 'hex'),
  );
  lsetxattr(join(base, 'opt/c'), 'user.binary', Buffer.of(0, 255, 10));
  makeDevice(join(base, 'null'), { type: 'character', permissions: 0o666, major: 1, minor: 3 });
  const first = LayerWriter.create(at('first.tar'));
  await tarTree(base, first);
  await first.finish();

  for (const name of ['upper', 'work', 'merged']) mkdirSync(at(name));
  const data = `lowerdir=${base},upperdir=${at('upper')},workdir=${at('work')},redirect_dir=off,metacopy=off,index=off`;
  mount('overlay', at('merged'), 'overlay', 0, data);
  try {
    changeTree(at('merged'));
  } finally {
    umount(at('merged'));
  }
  const second = LayerWriter.create(at('second.tar'));
  await diffUpper({ upper: at('upper'), lowers: [base] }, second);
  await second.finish();
  return [first.path, second.path];
}

/** As a RUN might. */
function changeTree(root: string): void {
  rmSync(join(root, 'etc/old'));
  rmSync(join(root, 'opt'), { recursive: true });
  writeFiles(root, { 'opt/new/file': 'new', [`usr/${'long/'.repeat(30)}name`]: 'deep' });
  rmSync(join(root, 'swap'));
  mkdirSync(join(root, 'swap'));
  writeFileSync(join(root, 'swap/inside'), 'x');
  rmSync(join(root, 'var'), { recursive: true });
  writeFileSync(join(root, 'var'), 'now a file');
  renameSync(join(root, 'usr/lib/größe'), join(root, 'usr/lib/groesse'));
  writeFileSync(join(root, 'tmp/left'), '');
  chownSync(join(root, 'tmp/left'), 1000, 1000);
  linkSync(join(root, 'tmp/left'), join(root, 'usr/hard'));
  symlinkSync('/etc/motd', join(root, 'usr/absolute'));
  lsetxattr(join(root, 'tmp/left'), 'user.x', Buffer.from('y'));
  chmodSync(join(root, 'etc'), 0o750);
}

/** One onto the other, in one directory. */
async function applied(layers: readonly string[]): Promise<string> {
  const root = at('applied');
  mkdirSync(root);
  for (const layer of layers)
    await applyLayer(createReadStream(layer), root, {
      whiteouts: 'apply',
      ownership: 'keep',
      devices: 'keep',
    });
  return root;
}

/** Each in a directory of its own, as containers see them. */
async function overlaid(
  layers: readonly string[],
  options: Parameters<typeof describeTree>[1] = {},
): Promise<ReturnType<typeof describeTree>> {
  const lowers: string[] = [];
  for (const [i, layer] of layers.entries()) {
    mkdirSync(at(`layer-${i}`));
    await applyLayer(createReadStream(layer), at(`layer-${i}`), {
      whiteouts: 'overlay',
      ownership: 'keep',
      devices: 'keep',
      lowers,
    });
    lowers.unshift(at(`layer-${i}`));
  }
  mkdirSync(at('overlaid'));
  mount('overlay', at('overlaid'), 'overlay', 0, `lowerdir=${lowers.join(':')}`);
  try {
    return describeTree(at('overlaid'), options);
  } finally {
    umount(at('overlaid'));
  }
}

/** Without unpacking. */
async function viewed(layers: readonly string[]): Promise<string[]> {
  using view = RootfsView.of(
    await Promise.all(layers.map(async (path) => ({ index: await LayerIndex.scan(path), path }))),
  );
  const root = view.lookup('/');
  return root ? [...view.walk(root)].map(({ path }) => path) : [];
}

/** The layers of the one image in a layout, uncompressed, base first. */
async function layersOf(layout: string): Promise<string[]> {
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'));
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
  const config = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8'));
  const layers: string[] = [];
  for (const [i, { digest }] of manifest.layers.entries()) {
    const path = at(`theirs-${i}.tar`);
    for await (const chunk of decompress(createReadStream(blob(digest))))
      writeFileSync(path, chunk, { flag: 'a' });
    layers.push(path);
  }
  expect(config.rootfs.diff_ids).toHaveLength(layers.length);
  return layers;
}

/** A directory's time is not set back by all unpackers after work in it. */
function withoutDirectoryTimes(tree: ReturnType<typeof describeTree>): typeof tree {
  const entries = Object.entries(tree).map(([path, { line, xattrs }]) => [
    path,
    { line: line.startsWith('directory') ? line.replace(/ \d+$/, '') : line, xattrs },
  ]);
  return Object.fromEntries(entries);
}
