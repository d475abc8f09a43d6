import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decompress, type Entry, readTar } from '../../src/layer/index.js';
import type { ContainerConfig } from '../../src/oci/index.js';
import { run } from './run.js';
import { temporaryFolder } from './temporary-folder.js';

/** A file as all layers together leave it. Times do not count. */
export type FlatFile = Readonly<{
  type: Entry['type'];
  mode: string;
  owner: string;
  /** What the content hashes to, where a link points to, or which device it is. */
  content: string;
  xattrs: Readonly<Record<string, string>>;
}>;

export type FlatImage = Readonly<{
  files: ReadonlyMap<string, FlatFile>;
  config: ContainerConfig;
  history: readonly string[];
}>;

/** What is in the only image of a docker archive. */
export async function flatten(archive: string): Promise<FlatImage> {
  await using folder = await temporaryFolder('flatten');
  const directory = join(folder.path, 'image');
  await mkdir(directory);
  await run(['tar', '-C', directory, '-xf', archive]);
  const [image] = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
  const config = JSON.parse(await readFile(join(directory, image.Config), 'utf8'));
  const files = new Map<string, FlatFile>();
  for (const layer of image.Layers) await addLayer(files, join(directory, layer));
  const history = (config.history ?? []).map((entry: { created_by?: string }) => entry.created_by ?? '');
  return { files: sorted(files), config: config.config ?? {}, history };
}

async function addLayer(files: Map<string, FlatFile>, path: string): Promise<void> {
  const added = new Map<string, FlatFile>();
  for await (const { entry, content } of readTar(decompress(createReadStream(path)))) {
    const [parent, name] = split(entry.path);
    if (name === '.wh..wh..opq') removeBelow(files, parent);
    else if (name.startsWith('.wh.')) remove(files, join(parent, name.slice('.wh.'.length)));
    else
      added.set(
        entry.path,
        await flatFile(entry, content, (target) => added.get(target) ?? files.get(target)),
      );
  }
  for (const [at, file] of added) {
    if (file.type !== 'directory') removeBelow(files, at);
    files.set(at, file);
  }
}

/** A hard link is what it is a link to. */
async function flatFile(
  entry: Entry,
  content: AsyncIterable<Uint8Array>,
  find: (path: string) => FlatFile | undefined,
): Promise<FlatFile> {
  if (entry.type === 'hardlink') {
    const target = find(entry.linkName ?? '');
    if (target === undefined)
      throw new Error(`${entry.path} is a link to ${entry.linkName}, which is not there`);
    return target;
  }
  return {
    type: entry.type,
    mode: entry.type === 'symlink' ? '' : entry.mode.toString(8).padStart(4, '0'),
    owner: `${entry.uid}:${entry.gid}`,
    content: entry.type === 'file' ? await hashOf(content) : contentOf(entry),
    xattrs: Object.fromEntries(
      [...(entry.xattrs ?? [])].map(([name, value]) => [name, value.toString('hex')]),
    ),
  };
}

function contentOf({ linkName, device }: Entry): string {
  return device === undefined ? (linkName ?? '') : `${device.major}:${device.minor}`;
}

async function hashOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}

function remove(files: Map<string, FlatFile>, path: string): void {
  files.delete(path);
  removeBelow(files, path);
}

function removeBelow(files: Map<string, FlatFile>, directory: string): void {
  for (const path of files.keys()) if (path.startsWith(`${directory}/`)) files.delete(path);
}

function split(path: string): [parent: string, name: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

function sorted(files: ReadonlyMap<string, FlatFile>): Map<string, FlatFile> {
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}
