import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { ContainerdDaemon } from '../support/containerd-daemon.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { busyboxLayer, randomLayer } from '../support/layers.js';
import { type LayoutDescriptor, OciLayout } from '../support/oci-layout.js';
import { createAuthority } from '../support/private-authority.js';
import { RegistryReader } from '../support/registry-reader.js';
import { run } from '../support/run.js';

const USER = '--user=alice:correct horse';

let containerd: ContainerdDaemon;
let layout: OciLayout;
let image: LayoutDescriptor;
let index: LayoutDescriptor;

beforeAll(async () => {
  containerd = await ContainerdDaemon.start();
  layout = await OciLayout.create(join(containerd.folder, 'layout'));
  image = await layout.addImage({ layers: [await busyboxLayer(), randomLayer(5_000_000)] });
  const arm = await layout.addImage({
    layers: [randomLayer(1000)],
    platform: { os: 'linux', architecture: 'arm64' },
  });
  index = await layout.addIndex([image, arm]);
});

afterAll(() => containerd?.[Symbol.asyncDispose]());

/** Puts the index into the store of containerd under a name of the registry. */
async function load(name: string): Promise<void> {
  await layout.tag('all', index);
  const archive = join(containerd.folder, 'all.tar');
  await run(['tar', '-C', layout.folder, '-cf', archive, '.']);
  await containerd.run([
    'images',
    'import',
    '--no-unpack',
    '--all-platforms',
    `--index-name=${name}`,
    archive,
  ]);
  await rm(archive);
}

describe('containerd', () => {
  it('brings an index with all its images there and back', async () => {
    await using berth = await BerthProcess.start();
    const reader = new RegistryReader(berth.url);
    const name = `${berth.address}/ctr/app:v1`;
    await load(name);
    await containerd.run(['images', 'push', '--plain-http', name]);
    const stored = await reader.image('ctr/app', 'v1');
    // What was imported is the index of the layout, around the one in it.
    const [inner] = stored.images;
    expect(inner?.digest).toBe(index.digest);
    expect(inner?.images.map(({ digest }) => digest)).toContain(image.digest);

    await containerd.run(['images', 'rm', '--sync', ...(await names())]);
    await containerd.run(['content', 'fetch', '--plain-http', '--all-platforms', name]);
    const content = await containerd.run(['content', 'ls', '--quiet']);
    for (const { digest, layers } of inner?.images ?? []) {
      for (const each of [digest, ...layers]) expect(content).toContain(each);
    }
  });

  it('logs in over TLS, and is refused otherwise', async () => {
    const authority = await createAuthority(join(containerd.folder, 'tls'), ['127.0.0.1']);
    const htpasswd = join(containerd.folder, 'htpasswd');
    await writeHtpasswd(htpasswd, { alice: 'correct horse' });
    await using guarded = await BerthProcess.start({
      tls: true,
      config: {
        http: { tls: authority.tls },
        auth: { htpasswd: { realm: 'Registry', path: htpasswd } },
        berth: { access: [{ repositories: 'public/*', pull: ['anonymous'], push: ['alice'] }] },
      },
    });
    const name = `${guarded.address}/public/app:v1`;
    const hosts = join(containerd.folder, 'hosts');
    await mkdir(join(hosts, guarded.address), { recursive: true });
    const describeHost = (more: string) =>
      writeFile(
        join(hosts, guarded.address, 'hosts.toml'),
        `server = "${guarded.url}"\n[host."${guarded.url}"]\n${more}`,
      );
    await load(name);
    const push = (...options: readonly string[]) =>
      containerd.run(['images', 'push', `--hosts-dir=${hosts}`, ...options, name]);
    await describeHost('');
    await expect(push(USER)).rejects.toThrow(/certificate/);
    await describeHost(`ca = "${authority.caFile}"\n`);
    await expect(push()).rejects.toThrow(/401|authorization failed/i);
    await expect(push('--user=alice:wrong')).rejects.toThrow(/401|authorization failed/i);
    await push(USER);
    const user = { name: 'alice', password: 'correct horse' };
    const stored = await new RegistryReader(guarded.url, { user, ca: authority.ca }).image(
      'public/app',
      'v1',
    );

    await containerd.run(['images', 'rm', '--sync', ...(await names())]);
    await containerd.run(['content', 'fetch', `--hosts-dir=${hosts}`, '--all-platforms', name]);
    expect(await containerd.run(['images', 'ls'])).toContain(stored.digest);
  });
});

async function names(): Promise<string[]> {
  return (await containerd.run(['images', 'ls', '--quiet'])).trim().split('\n');
}
