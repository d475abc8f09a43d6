import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './run.js';

const ROOT = new URL('../../', import.meta.url).pathname;
const NODE = process.execPath;

/** What config/Dockerfile is built from: `docker import BASE base`, then `docker build --build-arg BASE=base CONTEXT`. */
export type OwnImageSources = Readonly<{ context: string; base: string }>;

/**
 * Writes a context for config/Dockerfile, but for its first stage: that fetches from Debian and npm, and what it makes is here
 * already. Its base, a tar, is as much of Debian as the image needs.
 */
export async function writeOwnImageSources(folder: string): Promise<OwnImageSources> {
  const context = join(folder, 'context');
  const text = await readFile(join(ROOT, 'config/Dockerfile'), 'utf8');
  const last = text.slice(text.lastIndexOf('\nFROM '));
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), `ARG BASE\nFROM scratch AS build\nCOPY berth /berth\n${last}`);
  for (const path of ['src/cli/berth', 'config']) {
    await cp(join(ROOT, path), join(context, path), { recursive: true });
  }
  const modules = await readdir(join(ROOT, 'node_modules/@node-rs'));
  const own = ['package.json', 'dist', ...modules.map((name) => `node_modules/@node-rs/${name}`)];
  for (const path of own) await cp(join(ROOT, path), join(context, 'berth', path), { recursive: true });
  const node = join(context, 'berth/node_modules', `node-linux-${process.arch}`, 'bin/node');
  await mkdir(dirname(node), { recursive: true });
  await cp(NODE, node);
  return { context, base: await writeBase(folder) };
}

/** Busybox, and the libraries of Node. */
async function writeBase(folder: string): Promise<string> {
  const base = join(folder, 'base');
  await mkdir(join(base, 'bin'), { recursive: true });
  await cp('/bin/busybox', join(base, 'bin/busybox'));
  for (const name of ['sh', 'ln', 'mkdir', 'readlink']) await symlink('busybox', join(base, 'bin', name));
  const libraries = (await run(['ldd', NODE])).match(/\/\S+(?= \(0x)/g) ?? [];
  for (const path of libraries) await cp(path, join(base, path), { dereference: true });
  await run(['tar', '--create', `--directory=${base}`, `--file=${base}.tar`, '.']);
  return `${base}.tar`;
}
