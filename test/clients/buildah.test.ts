import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { ContainersStorage } from '../support/containers-storage.js';
import { randomLayer } from '../support/layers.js';
import { digestOf } from '../support/oci-layout.js';
import { RegistryReader } from '../support/registry-reader.js';

const PLAIN = '--tls-verify=false';

let buildah: ContainersStorage;
let berth: BerthProcess;
let reader: RegistryReader;

beforeAll(async () => {
  buildah = await ContainersStorage.create('buildah');
  berth = await BerthProcess.start();
  reader = new RegistryReader(berth.url);
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await buildah?.[Symbol.asyncDispose]();
});

/** Makes an image from nothing with busybox in it, and with a layer that no other has. @returns its ID. */
async function build(name: string): Promise<string> {
  const container = (await buildah.run(['from', 'scratch'])).trim();
  await buildah.run(['copy', container, '/bin/busybox', '/bin/busybox']);
  // Else two of the same second are the same, and buildah sends neither what is there, in whatever compression.
  const own = join(buildah.folder, 'own');
  await writeFile(own, name);
  await buildah.run(['copy', container, own, '/own']);
  await buildah.run(['config', '--cmd', '/bin/busybox', '--label', `name=${name}`, container]);
  await buildah.run(['commit', '--quiet', container, name]);
  await buildah.run(['rm', container]);
  return (await buildah.run(['inspect', '--type=image', '--format={{.FromImageID}}', name])).trim();
}

describe('buildah', () => {
  it('brings an image that it built there and back', async () => {
    const name = `${berth.address}/buildah/app:v1`;
    const id = await build(name);
    const digestFile = join(buildah.folder, 'digest');
    await buildah.run(['push', PLAIN, '--quiet', `--digestfile=${digestFile}`, name]);
    const stored = await reader.image('buildah/app', 'v1');
    expect(await readFile(digestFile, 'utf8')).toBe(stored.digest);
    expect(stored.config).toBe(`sha256:${id}`);

    await buildah.run(['rmi', '--force', id]);
    expect((await buildah.run(['pull', PLAIN, '--quiet', name])).trim()).toBe(id);
    const container = (await buildah.run(['from', name])).trim();
    const folder = (await buildah.run(['mount', container])).trim();
    expect(digestOf(await readFile(join(folder, 'bin/busybox')))).toBe(
      digestOf(await readFile('/bin/busybox')),
    );
    await buildah.run(['umount', container]);
    await buildah.run(['rm', container]);
  });

  it('builds on an image that it takes from the registry', async () => {
    const base = `${berth.address}/buildah/base:v1`;
    const id = await build(base);
    await buildah.run(['push', PLAIN, '--quiet', base]);
    await buildah.run(['rmi', '--force', id]);
    const name = `${berth.address}/buildah/derived:v1`;
    const file = `FROM ${base}\nLABEL derived=yes\nCOPY more /more\n`;
    const context = join(buildah.folder, 'context');
    await mkdir(context);
    await writeFile(join(context, 'more'), randomLayer(1000));
    await writeFile(join(context, 'Containerfile'), file);
    await buildah.run(['build', PLAIN, '--quiet', '--layers', '--tag', name, context]);
    await buildah.run(['push', PLAIN, '--quiet', name]);
    const [below, above] = [
      await reader.image('buildah/base', 'v1'),
      await reader.image('buildah/derived', 'v1'),
    ];
    expect(above.layers).toHaveLength(2);
    expect(above.layers[0]).toBe(below.layers[0]);
  });

  it.each(['zstd', 'zstd:chunked'])('pushes %s layers, and pulls them', async (format) => {
    const name = `${berth.address}/buildah/${format.replace(':', '-')}:v1`;
    const id = await build(name);
    const options = ['--quiet', '--format=oci', `--compression-format=${format}`];
    await buildah.run(['push', PLAIN, ...options, name]);
    const stored = await reader.image(`buildah/${format.replace(':', '-')}`, 'v1');
    expect(stored.bytes.toString()).toContain('application/vnd.oci.image.layer.v1.tar+zstd');
    await buildah.run(['rmi', '--force', id]);
    expect(`sha256:${(await buildah.run(['pull', PLAIN, '--quiet', name])).trim()}`).toBe(stored.config);
  });

  it('brings in an index', async () => {
    const list = `${berth.address}/buildah/index:v1`;
    await buildah.run(['manifest', 'create', list]);
    for (const architecture of ['amd64', 'arm64']) {
      const image = `${berth.address}/buildah/${architecture}:v1`;
      await build(image);
      await buildah.run(['manifest', 'add', `--arch=${architecture}`, list, `containers-storage:${image}`]);
    }
    await buildah.run(['manifest', 'push', '--all', PLAIN, list, `docker://${list}`]);
    expect((await reader.image('buildah/index', 'v1')).images).toHaveLength(2);
  });
});
