import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { ContainersStorage } from '../support/containers-storage.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { busyboxLayer, randomLayer } from '../support/layers.js';
import { digestOf, type LayoutDescriptor, OciLayout } from '../support/oci-layout.js';
import { createAuthority } from '../support/private-authority.js';
import { RegistryReader, type StoredImage } from '../support/registry-reader.js';

const PLAIN = '--tls-verify=false';

let podman: ContainersStorage;
let berth: BerthProcess;
let reader: RegistryReader;
let layout: OciLayout;
let image: LayoutDescriptor;
let source: string;

beforeAll(async () => {
  podman = await ContainersStorage.create('podman');
  berth = await BerthProcess.start();
  reader = new RegistryReader(berth.url);
  layout = await OciLayout.create(join(podman.folder, 'layout'));
  image = await layout.addImage({ layers: [await busyboxLayer(), randomLayer(1_000_000)] });
  source = await layout.tag('app', image);
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await podman?.[Symbol.asyncDispose]();
});

/** Takes the image from the layout under a name of the registry. @returns its ID. */
async function load(name: string): Promise<string> {
  const id = (await podman.run(['pull', '--quiet', source])).trim();
  await podman.run(['tag', id, name]);
  return id;
}

/** Pushes, and reads back all that the registry then holds. */
async function push(name: string, from: RegistryReader = reader, options = [PLAIN]): Promise<StoredImage> {
  const [, repository = '', tag = ''] = /^[^/]+\/(.*):(.*)$/.exec(name) ?? [];
  const digestFile = join(podman.folder, 'digest');
  await podman.run(['push', ...options, '--quiet', `--digestfile=${digestFile}`, name]);
  const stored = await from.image(repository, tag);
  expect(await readFile(digestFile, 'utf8')).toBe(stored.digest);
  return stored;
}

async function pull(name: string, ...options: readonly string[]): Promise<string> {
  return (await podman.run(['pull', PLAIN, '--quiet', ...options, name])).trim();
}

async function digestsOf(id: string): Promise<string[]> {
  return JSON.parse(
    await podman.run(['image', 'inspect', '--format', '{{json .RootFS.Layers}}', id]),
  ) as string[];
}

describe('podman push and pull', () => {
  it('brings an image there and back', async () => {
    const name = `${berth.address}/pod/app:v1`;
    const id = await load(name);
    const layers = await digestsOf(id);
    const stored = await push(name);
    expect(stored.config).toBe(`sha256:${id}`);
    await podman.run(['rmi', '--force', id]);

    expect(await pull(name)).toBe(id);
    expect(await digestsOf(id)).toEqual(layers);
    const folder = (await podman.run(['image', 'mount', id])).trim();
    expect(digestOf(await readFile(join(folder, 'bin/busybox')))).toBe(
      digestOf(await readFile('/bin/busybox')),
    );
    await podman.run(['image', 'unmount', id]);
  });

  it('pulls by digest', async () => {
    const name = `${berth.address}/pod/digest:v1`;
    const id = await load(name);
    const { digest } = await push(name);
    await podman.run(['rmi', '--force', id]);
    expect(await pull(`${berth.address}/pod/digest@${digest}`)).toBe(id);
    const unknown = pull(`${berth.address}/pod/digest@sha256:${'0'.repeat(64)}`);
    await expect(unknown).rejects.toThrow(/manifest unknown/);
  });

  it("pushes in Docker's format too", async () => {
    const name = `${berth.address}/pod/docker:v1`;
    await load(name);
    const stored = await push(name, reader, [PLAIN, '--format=v2s2']);
    expect(stored.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
  });
});

describe('podman manifest push', () => {
  it('brings in an index with all its images', async () => {
    const list = `${berth.address}/pod/index:v1`;
    const arm = await layout.addImage({
      layers: [randomLayer(1000)],
      platform: { os: 'linux', architecture: 'arm64' },
    });
    await podman.run(['manifest', 'create', list]);
    await podman.run(['manifest', 'add', list, source]);
    await podman.run(['manifest', 'add', '--arch=arm64', list, await layout.tag('arm', arm)]);
    await podman.run(['manifest', 'push', '--all', PLAIN, list, `docker://${list}`]);
    const stored = await reader.image('pod/index', 'v1');
    expect(stored.images).toHaveLength(2);
    await podman.run(['manifest', 'rm', list]);
    const id = await pull(list, '--arch=arm64');
    expect(stored.images.map(({ config }) => config)).toContain(`sha256:${id}`);
    const shown = await podman.run(['image', 'inspect', '--format={{.Architecture}}', id]);
    expect(shown.trim()).toBe('arm64');
  });
});

describe('podman search', () => {
  it('finds repositories, and lists tags', async () => {
    for (const repository of ['search/needle', 'search/hay']) {
      await load(`${berth.address}/${repository}:v1`);
      await push(`${berth.address}/${repository}:v1`);
    }
    const found = await podman.run(['search', PLAIN, '--format={{.Name}}', `${berth.address}/needle`]);
    expect(found.trim()).toBe(`${berth.address}/search/needle`);
    const tags = await podman.run(['search', PLAIN, '--list-tags', `${berth.address}/search/needle`]);
    expect(tags).toMatch(/search\/needle +v1$/m);
  });
});

describe('podman with zstd', () => {
  it('pushes zstd:chunked layers, and pulls only what it lacks of them', async () => {
    await using registry = await BerthProcess.start();
    await using pusher = await ContainersStorage.create('podman');
    const context = join(pusher.folder, 'context');
    await mkdir(context);
    await writeFile(join(context, 'Containerfile'), 'FROM scratch\nCOPY same changed /\n');
    await writeFile(join(context, 'same'), randomLayer(500_000));
    const name = `${registry.address}/pod/chunked`;
    const images: StoredImage[] = [];
    for (const tag of ['v1', 'v2']) {
      await writeFile(join(context, 'changed'), randomLayer(500_000));
      await pusher.run(['build', '--quiet', '--tag', `${name}:${tag}`, context]);
      const options = [PLAIN, '--quiet', '--format=oci', '--compression-format=zstd:chunked'];
      await pusher.run(['push', ...options, `${name}:${tag}`]);
      images.push(await new RegistryReader(registry.url).image('pod/chunked', tag));
    }
    await using puller = await ContainersStorage.create('podman');
    for (const [at, tag] of ['v1', 'v2'].entries()) {
      const id = (await puller.run(['pull', PLAIN, '--quiet', `${name}:${tag}`])).trim();
      expect(`sha256:${id}`).toBe(images[at]?.config);
    }
    const folder = (await puller.run(['image', 'mount', `${name}:v2`])).trim();
    for (const file of ['same', 'changed']) {
      expect(digestOf(await readFile(join(folder, file)))).toBe(
        digestOf(await readFile(join(context, file))),
      );
    }
    await puller.run(['image', 'unmount', `${name}:v2`]);
    await registry.stop(); // and have its log whole
    const parts = registry.output.matchAll(
      new RegExp(`/blobs/${images[1]?.layers[0]} HTTP/1.1" 206 (\\d+)`, 'g'),
    );
    const sizes = [...parts].map(([, bytes]) => Number(bytes));
    expect(sizes.length).toBeGreaterThan(1);
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(600_000);
  });
});

describe('podman with a registry with users, rules and TLS', () => {
  let guarded: BerthProcess;
  let insider: RegistryReader;
  let options: string[];

  beforeAll(async () => {
    const authority = await createAuthority(join(podman.folder, 'tls'), ['127.0.0.1']);
    const htpasswd = join(podman.folder, 'htpasswd');
    await writeHtpasswd(htpasswd, { alice: 'correct horse' });
    guarded = await BerthProcess.start({
      tls: true,
      config: {
        http: { tls: authority.tls },
        auth: { htpasswd: { realm: 'Registry', path: htpasswd } },
        berth: {
          access: [
            { repositories: 'public/*', pull: ['anonymous'], push: ['alice'] },
            { repositories: 'team/*', pull: ['alice'], push: ['alice'] },
          ],
        },
      },
    });
    const user = { name: 'alice', password: 'correct horse' };
    insider = new RegistryReader(guarded.url, { user, ca: authority.ca });
    options = [`--cert-dir=${join(podman.folder, 'trusted')}`];
    await mkdir(join(podman.folder, 'trusted'));
    await writeFile(join(podman.folder, 'trusted', 'ca.crt'), authority.ca);
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  const login = (password: string) =>
    podman.run(['login', ...options, '--username=alice', '--password-stdin', guarded.address], {
      input: password,
    });

  it('logs in with the right password only', async () => {
    await expect(login('wrong')).rejects.toThrow(/invalid username\/password/);
    expect(await login('correct horse')).toContain('Login Succeeded');
    await podman.run(['logout', guarded.address]);
  });

  it('does not talk to a registry whose authority it does not know', async () => {
    await expect(podman.run(['pull', `${guarded.address}/public/app:v1`])).rejects.toThrow(
      /x509|certificate/,
    );
  });

  it('pushes while logged in, and then anybody pulls what is public', async () => {
    const [open, closed] = ['public', 'team'].map((folder) => `${guarded.address}/${folder}/app:v1`);
    const id = await load(open ?? '');
    await podman.run(['tag', id, closed ?? '']);
    await expect(push(open ?? '', insider, options)).rejects.toThrow(/unauthorized|authentication required/i);
    await login('correct horse');
    await push(open ?? '', insider, options);
    await push(closed ?? '', insider, options);
    await podman.run(['logout', guarded.address]);
    await podman.run(['rmi', '--force', id]);

    const refused = podman.run(['pull', ...options, '--quiet', closed ?? '']);
    await expect(refused).rejects.toThrow(/unauthorized|authentication required/i);
    expect((await podman.run(['pull', ...options, '--quiet', open ?? ''])).trim()).toBe(id);
  });
});

describe('podman with a read-only registry', () => {
  it('pulls, and is refused to push', async () => {
    const name = `${berth.address}/pod/frozen:v1`;
    const id = await load(name);
    await push(name);
    await using frozen = await BerthProcess.start({
      root: berth.root,
      config: {
        storage: { filesystem: {}, maintenance: { readonly: { enabled: true } } },
        berth: { index: { path: join(podman.folder, 'frozen.sqlite') } },
      },
    });
    expect(await pull(`${frozen.address}/pod/frozen:v1`)).toBe(id);
    await podman.run(['tag', id, `${frozen.address}/pod/frozen:v2`]);
    await expect(push(`${frozen.address}/pod/frozen:v2`)).rejects.toThrow(/405|unsupported|read-only/i);
  });
});
