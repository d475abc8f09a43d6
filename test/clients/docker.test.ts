import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { busyboxLayer, randomLayer, writeLargeArchive } from '../support/layers.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { OciLayout } from '../support/oci-layout.js';
import { createAuthority } from '../support/private-authority.js';
import { RegistryReader, type StoredImage } from '../support/registry-reader.js';
import { run } from '../support/run.js';

const PORTS = { open: 5000, guarded: 5001, secure: 5002, unknown: 5003, limited: 5004 };
const LARGE_MEBIBYTES = 300;

let namespace: NetworkNamespace;
let docker: DockerDaemon;
let berth: BerthProcess;
let reader: RegistryReader;
let layout: OciLayout;
let base: Buffer;

beforeAll(async () => {
  namespace = await NetworkNamespace.create();
  const insecure = [PORTS.open, PORTS.limited].map((port) => `${namespace.address}:${port}`);
  docker = await DockerDaemon.start(namespace, { insecureRegistries: insecure });
  // On all addresses: docker trusts 127.0.0.1 by itself, and the tests look in from outside.
  berth = await startInside(PORTS.open, { env: { REGISTRY_HTTP_ADDR: `:${PORTS.open}` } });
  reader = new RegistryReader(berth.url);
  layout = await OciLayout.create(join(docker.folder, 'layout'));
  base = await busyboxLayer();
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await docker?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

type StartOptions = NonNullable<Parameters<typeof BerthProcess.start>[0]>;

/** Starts a registry beside the daemon. */
function startInside(port: number, options: StartOptions = {}): Promise<BerthProcess> {
  return BerthProcess.start({ host: namespace.address, port, prefix: namespace.prefix, ...options });
}

/** Makes an image with two layers, the second unlike any other, by a Dockerfile. */
async function build(...names: readonly string[]): Promise<void> {
  const context = join(docker.folder, 'context');
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'base.tar'), base);
  await writeFile(join(context, 'own'), randomLayer(100_000));
  await writeFile(
    join(context, 'Dockerfile'),
    'FROM scratch\nADD base.tar /\nCOPY own /own\nCMD ["/bin/busybox", "sha256sum", "/own"]\n',
  );
  await docker.run(['build', '--quiet', ...names.flatMap((name) => ['--tag', name]), context]);
}

/** Pushes, and reads back all that the registry then holds. */
async function push(name: string, from: RegistryReader = reader): Promise<StoredImage> {
  const [, repository = '', tag = ''] = /^[^/]+\/(.*):(.*)$/.exec(name) ?? [];
  const said = await docker.run(['push', name]);
  const stored = await from.image(repository, tag);
  expect(said).toContain(`${tag}: digest: ${stored.digest} size: ${stored.bytes.length}`);
  return stored;
}

async function imageId(name: string): Promise<string> {
  return (await docker.run(['image', 'inspect', '--format', '{{.Id}}', name])).trim();
}

/** Runs the image, which prints what its content hashes to. */
function contentOf(name: string): Promise<string> {
  return docker.run(['run', '--rm', '--network=none', name]);
}

describe('docker push and pull', () => {
  it('brings a built image to a registry on localhost and back', async () => {
    const name = `127.0.0.1:${PORTS.open}/built/app:v1`;
    await build(name);
    const [id, content] = [await imageId(name), await contentOf(name)];
    const stored = await push(name);
    expect(stored.config).toBe(id);
    expect(stored.layers).toHaveLength(2);

    await docker.run(['rmi', name]);
    expect(await docker.run(['pull', name])).toContain(`Digest: ${stored.digest}`);
    expect(await imageId(name)).toBe(id);
    expect(await contentOf(name)).toBe(content);
  });

  it('does so by plain HTTP under an address that it was told to trust', async () => {
    const name = `${berth.address}/insecure/app:v1`;
    await build(name);
    const id = await imageId(name);
    await push(name);
    await docker.run(['rmi', name]);
    await docker.run(['pull', name]);
    expect(await imageId(name)).toBe(id);
  });

  it('says what is wrong with a registry by plain HTTP that it was not told to trust', async () => {
    await using plain = await startInside(PORTS.unknown);
    await build(`${plain.address}/app:v1`);
    const pushed = docker.run(['push', `${plain.address}/app:v1`]);
    await expect(pushed).rejects.toThrow('server gave HTTP response to HTTPS client');
  });

  it('pulls by digest what a tag does not stand for any more', async () => {
    const name = `127.0.0.1:${PORTS.open}/built/moving:latest`;
    await build(name);
    const [oldId, old] = [await imageId(name), await push(name)];
    await build(name);
    const latest = await push(name);
    expect(latest.digest).not.toBe(old.digest);

    await docker.run(['image', 'prune', '--all', '--force']);
    const byDigest = `127.0.0.1:${PORTS.open}/built/moving@${old.digest}`;
    await docker.run(['pull', byDigest]);
    expect(await imageId(byDigest)).toBe(oldId);
  });

  it('pushes all tags, sends layers once, and mounts them elsewhere', async () => {
    const name = `127.0.0.1:${PORTS.open}/tags/app`;
    await build(`${name}:a`, `${name}:b`);
    await docker.run(['push', '--all-tags', name]);
    expect(await reader.tags('tags/app')).toEqual(['a', 'b']);
    expect(await docker.run(['push', `${name}:b`])).toContain('Layer already exists');
    const elsewhere = `127.0.0.1:${PORTS.open}/tags/other:c`;
    await docker.run(['tag', `${name}:a`, elsewhere]);
    expect(await docker.run(['push', elsewhere])).toContain('Mounted from tags/app');
    expect((await reader.image('tags/other', 'c')).digest).toBe((await reader.image('tags/app', 'a')).digest);
  });

  it(`brings a layer of ${LARGE_MEBIBYTES} MiB there and back`, async () => {
    const archive = join(docker.folder, 'large.tar');
    await writeLargeArchive(archive, LARGE_MEBIBYTES);
    const diffId = `sha256:${await sha256Of(archive)}`;
    const name = `127.0.0.1:${PORTS.open}/large/app:v1`;
    await docker.run(['import', archive, name]);
    await rm(archive);
    const stored = await push(name);
    expect(stored.layers).toHaveLength(1);
    await docker.run(['rmi', name]);
    await docker.run(['pull', name]);
    expect(await imageId(name)).toBe(stored.config);
    const layers = await docker.run(['image', 'inspect', '--format', '{{json .RootFS.Layers}}', name]);
    expect(JSON.parse(layers)).toEqual([diffId]);
    await docker.run(['rmi', name]);
  });

  it('pushes ten layers while skopeo pushes the same', async () => {
    const image = await layout.addImage({
      layers: Array.from({ length: 10 }, () => randomLayer(3_000_000)),
    });
    const source = await layout.tag('ten', image);
    const inDocker = `127.0.0.1:${PORTS.open}/both/app:docker`;
    const archive = join(docker.folder, 'ten.tar');
    await run(['skopeo', 'copy', source, `docker-archive:${archive}:${inDocker}`]);
    await docker.run(['load', '--input', archive]);
    const [byDocker] = await Promise.all([
      push(inDocker),
      run(['skopeo', 'copy', '--dest-tls-verify=false', source, `docker://${berth.address}/both/app:skopeo`]),
      run(['skopeo', 'copy', '--dest-tls-verify=false', source, `docker://${berth.address}/both/app:again`]),
    ]);
    expect(byDocker.layers).toHaveLength(10);
    expect((await reader.image('both/app', 'skopeo')).digest).toBe(image.digest);
    expect((await reader.image('both/app', 'again')).digest).toBe(image.digest);
  });

  it('pulls what others pushed in the OCI format, and its own platform of an index', async () => {
    const own = await layout.addImage({ layers: [base] });
    const arm = await layout.addImage({
      layers: [randomLayer(1000)],
      platform: { os: 'linux', architecture: 'arm64' },
    });
    const source = await layout.tag('index', await layout.addIndex([arm, own]));
    const name = `${berth.address}/oci/app:v1`;
    await run(['skopeo', 'copy', '--all', '--dest-tls-verify=false', source, `docker://${name}`]);
    await docker.run(['pull', '--platform=linux/amd64', name]);
    expect(await contentOf(name)).toBe('hello\n');
    expect(await imageId(name)).toBe((await reader.image('oci/app', own.digest)).config);
  });

  it('says what is missing', async () => {
    const pulled = docker.run(['pull', `${berth.address}/built/nothing:v1`]);
    await expect(pulled).rejects.toThrow(/(manifest|name|repository).*(unknown|not found)/);
  });
});

describe('docker manifest', () => {
  it('joins images to a list and shows it', async () => {
    const name = `${berth.address}/list/app`;
    const digests: string[] = [];
    for (const tag of ['amd64', 'arm64']) {
      await build(`${name}:${tag}`);
      digests.push((await push(`${name}:${tag}`)).digest);
    }
    await docker.run(['manifest', 'create', '--insecure', `${name}:v1`, `${name}:amd64`, `${name}:arm64`]);
    await docker.run(['manifest', 'annotate', '--arch=arm64', `${name}:v1`, `${name}:arm64`]);
    const pushed = await docker.run(['manifest', 'push', '--insecure', `${name}:v1`]);
    const stored = await reader.image('list/app', 'v1');
    expect(pushed.trim()).toBe(stored.digest);
    expect(stored.mediaType).toBe('application/vnd.docker.distribution.manifest.list.v2+json');
    expect(stored.images.map(({ digest }) => digest).sort()).toEqual(digests.sort());
    const shown = await docker.run(['manifest', 'inspect', '--insecure', `${name}:v1`]);
    expect(shown).toContain(digests[0]);
    expect(shown).toContain('"architecture": "arm64"');
  });
});

describe('docker search', () => {
  it('finds repositories by a part of their name', async () => {
    const image = await layout.tag('found', await layout.addImage({ layers: [randomLayer(100)] }));
    for (const repository of ['find/needle-one', 'find/needle-two', 'find/hay']) {
      const to = `docker://${berth.address}/${repository}:v1`;
      await run(['skopeo', 'copy', '--dest-tls-verify=false', image, to]);
    }
    const found = await docker.run(['search', '--format={{.Name}}', `${berth.address}/needle`]);
    expect(found.trim().split('\n').sort()).toEqual(['find/needle-one', 'find/needle-two']);
    const search = [BERTH, 'search', '--insecure', '--format', '{{.Name}}'];
    expect(await run([...search, `${berth.address}/needle`])).toBe(found);
    expect(await docker.run(['search', '--format={{.Name}}', `${berth.address}/nowhere`])).toBe('');
  });
});

describe.each([
  { title: 'passwords', http: {}, tokens: {}, refreshes: false },
  { title: 'refresh tokens', http: { secret: 'of the test' }, tokens: {}, refreshes: true },
  { title: 'signed tokens', http: {}, tokens: { enabled: true }, refreshes: true },
])('docker with a registry with users and rules, and $title', ({ http, tokens, refreshes }) => {
  const host = `127.0.0.1:${PORTS.guarded}`;
  let guarded: BerthProcess;
  let insider: RegistryReader;

  beforeAll(async () => {
    const htpasswd = join(docker.folder, 'htpasswd');
    await writeHtpasswd(htpasswd, { alice: 'correct horse' });
    guarded = await startInside(PORTS.guarded, {
      env: { REGISTRY_HTTP_ADDR: `:${PORTS.guarded}` },
      config: {
        http,
        auth: { htpasswd: { realm: 'Registry', path: htpasswd } },
        berth: {
          tokens,
          access: [
            { repositories: 'public/*', pull: ['anonymous'], push: ['*'] },
            { repositories: 'private/*', pull: ['*'], push: ['alice'] },
          ],
        },
      },
    });
    insider = new RegistryReader(guarded.url, { user: { name: 'alice', password: 'correct horse' } });
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  const login = (password: string) =>
    docker.run(['login', '--username=alice', '--password-stdin', host], { input: password });

  it('logs in with the right password only', async () => {
    await expect(login('wrong')).rejects.toThrow(/unauthorized: wrong user name or password/);
    expect(await login('correct horse')).toContain('Login Succeeded');
    const kept = JSON.parse(await readFile(join(docker.folder, 'client', 'config.json'), 'utf8')).auths[host];
    expect('identitytoken' in kept).toBe(refreshes);
  });

  it('pushes and pulls while logged in, not after the logout', async () => {
    const name = `${host}/private/app:v1`;
    await build(name);
    await login('correct horse');
    const { config } = await push(name, insider);
    await docker.run(['rmi', name]);
    await docker.run(['pull', name]);
    expect(await imageId(name)).toBe(config);

    await docker.run(['logout', host]);
    await expect(docker.run(['push', name])).rejects.toThrow(/no basic auth credentials|unauthorized|denied/);
    await docker.run(['rmi', name]);
    await expect(docker.run(['pull', name])).rejects.toThrow(/no basic auth credentials|unauthorized|denied/);
  });

  it('needs a login to push what anybody may pull', async () => {
    const name = `${host}/public/app:v1`;
    await build(name);
    await expect(docker.run(['push', name])).rejects.toThrow(/no basic auth credentials|unauthorized|denied/);
    await login('correct horse');
    const { config } = await push(name, insider);
    await docker.run(['rmi', name]);
    await docker.run(['pull', name]);
    expect(await imageId(name)).toBe(config);
    await docker.run(['logout', host]);
  });

  // Docker gives up by itself where a registry asks for passwords and it has none: it is given a token for nobody.
  it('pulls what anybody may pull without a login', async () => {
    const name = `${host}/public/app:v1`;
    const id = await imageId(name);
    await docker.run(['rmi', name]);
    await docker.run(['pull', name]);
    expect(await imageId(name)).toBe(id);
  });

  it('is told that a right is missing', async () => {
    const name = `${host}/elsewhere/app:v1`;
    await build(name);
    await login('correct horse');
    await expect(docker.run(['push', name])).rejects.toThrow(/denied/);
    await docker.run(['logout', host]);
  });
});

describe('docker with a registry with TLS', () => {
  it('trusts the authority that it is given, and nobody else', async () => {
    const authority = await createAuthority(join(docker.folder, 'tls'), [namespace.address]);
    await using secure = await startInside(PORTS.secure, {
      tls: true,
      config: { http: { tls: authority.tls } },
    });
    const trusted = `/etc/docker/certs.d/${secure.address}`;
    const name = `${secure.address}/secure/app:v1`;
    await build(name);
    await expect(docker.run(['push', name])).rejects.toThrow(/certificate signed by unknown authority/);
    await mkdir(trusted, { recursive: true });
    try {
      await copyFile(authority.caFile, join(trusted, 'ca.crt'));
      const stored = await push(name, new RegistryReader(secure.url, { ca: authority.ca }));
      await docker.run(['rmi', name]);
      await docker.run(['pull', name]);
      expect(await imageId(name)).toBe(stored.config);
      expect(await docker.run(['search', '--format={{.Name}}', `${secure.address}/app`])).toContain(
        'secure/app',
      );
    } finally {
      await rm(trusted, { recursive: true });
    }
  });
});

describe('docker with a read-only registry', () => {
  it('pulls, and is refused to push', async () => {
    const name = `${berth.address}/frozen/app:v1`;
    await build(name);
    const { config } = await push(name);
    await using frozen = await startInside(PORTS.limited, {
      root: berth.root,
      config: {
        storage: { filesystem: {}, maintenance: { readonly: { enabled: true } } },
        berth: { index: { path: join(docker.folder, 'frozen.sqlite') } },
      },
    });
    await docker.run(['pull', `${frozen.address}/frozen/app:v1`]);
    expect(await imageId(`${frozen.address}/frozen/app:v1`)).toBe(config);
    await build(`${frozen.address}/frozen/app:v2`);
    const pushed = docker.run(['push', `${frozen.address}/frozen/app:v2`]);
    await expect(pushed).rejects.toThrow(/unsupported|not allowed|read-only/i);
  });
});

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
