import { cp, glob, mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { type FlatImage, flatten } from '../support/flatten.js';
import { ImageBuilders } from '../support/image-builders.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const REPOSITORY = new URL('../..', import.meta.url).pathname;
const BASE = 'node-base:latest';
/** Not needed to build, and large. */
const LEFT_OUT =
  /node_modules\/(node-linux-[^/]+|@biomejs|@typescript|typescript|\.bin|\.cache|\.vite)(\/|$)/;

let folder: TemporaryFolder;
let builders: ImageBuilders;
const images = new Map<string, FlatImage>();

beforeAll(async () => {
  folder = await temporaryFolder('project');
  builders = await ImageBuilders.start(BASE, await writeNodeRoot(folder.path));
  const context = join(folder.path, 'context');
  await writeProject(context);
  for (const name of ['berth', 'buildkit'] as const) {
    const archive = join(folder.path, `${name}.tar`);
    await builders.get(name).build(context, archive, ['--build-arg', 'VARIANT=compared']);
    images.set(name, await flatten(archive));
  }
});

afterAll(async () => {
  await builders?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

describe('a project of four stages and thousands of files, Berth itself', () => {
  it('has the same files as from BuildKit', () => {
    const [ours, theirs] = [filesOf('berth'), filesOf('buildkit')];
    expect(ours.size).toBeGreaterThan(3000);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
  });

  it('has the same configuration and history as from BuildKit', () => {
    const [ours, theirs] = [images.get('berth'), images.get('buildkit')];
    // dockerd writes what is not there as null.
    const stated = Object.entries(theirs?.config ?? {}).filter(([, value]) => value !== null);
    expect(ours?.config).toEqual(Object.fromEntries(stated));
    expect(ours?.history.map(asBefore)).toEqual(theirs?.history.map(asBefore));
  });
});

/** What BuildKit's texts have in common since 2020: flags of COPY, ports and health checks are newer or written otherwise. */
function asBefore(createdBy: string): string {
  return createdBy.replace(/^(COPY) --\S+/, '$1').replace(/^(EXPOSE|HEALTHCHECK) .*/, '$1');
}

/** Without what dockerd of these days leaves behind at each RUN. */
function filesOf(name: string) {
  const leftovers = /^etc\/(hosts|resolv\.conf|hostname)$|^etc$|^(proc|sys|dev|run)(\/|$)/;
  return new Map([...(images.get(name)?.files ?? [])].filter(([path]) => !leftovers.test(path)));
}

/** busybox, and this Node with the libraries that it and the bundler are linked with. @returns a tar. */
async function writeNodeRoot(folder: string): Promise<string> {
  await writeBusyboxRoot(folder);
  const root = join(folder, 'busybox-root');
  const bundler = await Array.fromAsync(glob(join(REPOSITORY, 'node_modules/@rolldown/binding-*/*.node')));
  const libraries = (await run(['ldd', process.execPath, ...bundler])).match(/\/\S+(?= \()/g) ?? [];
  for (const library of libraries) {
    const target = join(root, library);
    await mkdir(dirname(target), { recursive: true });
    await cp(await realpath(library), target);
  }
  await cp(await realpath(process.execPath), join(root, 'bin/node'));
  const tar = join(folder, 'node-root.tar');
  await run(['tar', '-C', root, '--numeric-owner', '--owner=0', '--group=0', '-cf', tar, '.']);
  return tar;
}

async function writeProject(context: string): Promise<void> {
  await mkdir(context);
  for (const name of ['src', '.ci', 'package.json', 'package-lock.json', 'LICENSE', 'node_modules']) {
    await cp(join(REPOSITORY, name), join(context, name), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !LEFT_OUT.test(source),
    });
  }
  await cp(new URL('project.Dockerfile', import.meta.url).pathname, join(context, 'Dockerfile'));
  await writeFile(
    join(context, '.dockerignore'),
    await readFile(new URL('project.dockerignore', import.meta.url)),
  );
}
