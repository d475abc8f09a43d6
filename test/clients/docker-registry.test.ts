import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { DebianRegistry, debianConfig } from '../support/debian-registry.js';
import { freePort } from '../support/free-port.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { http } from '../support/http.js';
import { busyboxLayer, randomLayer } from '../support/layers.js';
import { digestOf, type LayoutDescriptor, OciLayout } from '../support/oci-layout.js';
import { RegistryReader } from '../support/registry-reader.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const UNTOUCHED = '/etc/docker/registry/config.yml';

let folder: TemporaryFolder;
let layout: OciLayout;
let single: LayoutDescriptor;
let other: LayoutDescriptor;
let index: LayoutDescriptor;

beforeAll(async () => {
  folder = await temporaryFolder('takeover');
  layout = await OciLayout.create(join(folder.path, 'layout'));
  single = await layout.addImage({ layers: [await busyboxLayer(), randomLayer(1_000_000)] });
  other = await layout.addImage({
    layers: [randomLayer(20_000)],
    platform: { os: 'linux', architecture: 'arm64' },
  });
  index = await layout.addIndex([single, other]);
  await layout.tag('single', single);
  await layout.tag('other', other);
  await layout.tag('index', index);
});

afterAll(() => folder?.[Symbol.asyncDispose]());

type Server = Readonly<{ address: string; url: string }>;

async function push(server: Server, tag: string, name: string, ...options: readonly string[]): Promise<void> {
  const to = ['--dest-tls-verify=false', `oci:${layout.folder}:${tag}`, `docker://${server.address}/${name}`];
  await run(['skopeo', 'copy', '--quiet', '--all', ...options, ...to]);
}

async function remove(server: Server, path: string): Promise<void> {
  expect((await http(`${server.url}/v2/${path}`, { method: 'DELETE' })).status).toBe(202);
}

/** Begins an upload and sends the first bytes. @returns where it goes on. */
async function beginUpload(server: Server, repository: string, bytes: Uint8Array): Promise<URL> {
  const begun = await http(`${server.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const first = await http(locationOf(begun.headers.location, server).href, { method: 'PATCH', body: bytes });
  expect(first.status).toBe(202);
  return locationOf(first.headers.location, server);
}

function locationOf(location: string | undefined, { url }: Server): URL {
  return new URL(location ?? '', url);
}

/** Repositories of all kinds, as they come to be over the years. */
async function fill(server: Server): Promise<void> {
  await push(server, 'single', 'alpha:v1');
  await push(server, 'single', 'alpha:latest');
  await push(server, 'other', 'alpha:latest'); // the tag moves on; what it was stays
  await push(server, 'index', 'team/beta/deep:multi');
  await push(server, 'single', 'team/beta/deep:docker', '--format=v2s2');
  await push(server, 'index', 'blobs/uploads/manifests:tags');
  await push(server, 'single', 'gamma:gone');
  await push(server, 'other', 'gamma:stays');
  await remove(server, `gamma/manifests/${single.digest}`);
  await push(server, 'other', 'delta:gone');
  await remove(server, `delta/manifests/${other.digest}`);
}

describe('the data of docker-registry', () => {
  it('is served by Berth, and what Berth makes of it by docker-registry', async () => {
    const root = join(folder.path, 'data');
    const upload = { bytes: randomLayer(300_000), location: new URL('http://nowhere') };
    let before: Awaited<ReturnType<RegistryReader['everything']>>;
    {
      await using reference = await DebianRegistry.start({ root });
      await fill(reference);
      upload.location = await beginUpload(reference, 'epsilon', upload.bytes.subarray(0, 100_000));
      before = await new RegistryReader(reference.url).everything();
    }

    let after: typeof before;
    {
      await using berth = await BerthProcess.start({ root });
      const reader = new RegistryReader(berth.url);
      expect(withoutEmpty(await reader.everything())).toEqual(withoutEmpty(before));
      // By digest also what no tag stands for any more, and not what was deleted.
      expect((await reader.image('alpha', single.digest)).digest).toBe(single.digest);
      expect(await reader.status(`/v2/gamma/manifests/${single.digest}`)).toBe(404);
      expect(await reader.status(`/v2/delta/manifests/${other.digest}`)).toBe(404);
      expect(await reader.status('/v2/gamma/manifests/gone')).toBe(404);

      await finishUpload(berth, upload.location, upload.bytes, 100_000);
      expect(await reader.status(`/v2/epsilon/blobs/${digestOf(upload.bytes)}`)).toBe(200);

      await push(berth, 'index', 'zeta/new:v1');
      await push(berth, 'single', 'epsilon:v1');
      await push(berth, 'other', 'alpha:v1');
      const old = await http(`${berth.url}/v2/alpha/manifests/${single.digest}`, { headers: ANY_TYPE });
      const again = await http(`${berth.url}/v2/alpha/manifests/again`, {
        method: 'PUT',
        headers: { 'content-type': old.headers['content-type'] ?? '' },
        body: old.body,
      });
      expect(again.status).toBe(201);
      await remove(berth, 'team/beta/deep/manifests/docker');
      await remove(berth, `gamma/manifests/${other.digest}`);
      const attached = await attach(berth, 'zeta/new', index);
      after = await reader.everything();
      expect(after).toMatchObject({
        alpha: { again: single.digest, latest: other.digest, v1: other.digest },
        epsilon: { v1: single.digest },
        'team/beta/deep': { multi: index.digest },
        'zeta/new': { v1: index.digest },
      });
      expect(await referrersOf(berth, 'zeta/new', index)).toEqual([attached]);
    }

    {
      await using reference = await DebianRegistry.start({ root });
      const reader = new RegistryReader(reference.url);
      expect(withoutEmpty(await reader.everything())).toEqual(withoutEmpty(after));
      expect(await reader.status('/v2/team/beta/deep/manifests/docker')).toBe(404);
      expect(await reader.status(`/v2/gamma/manifests/${other.digest}`)).toBe(404);
      expect(await reader.status(`/v2/epsilon/blobs/${digestOf(upload.bytes)}`)).toBe(200);
      await push(reference, 'single', 'eta:v1');
      await push(reference, 'single', 'zeta/new:v1');
    }

    {
      // Its index is older than what the reference has done meanwhile.
      await using berth = await BerthProcess.start({ root });
      const reader = new RegistryReader(berth.url);
      const now = await reader.everything();
      expect(withoutEmpty(now)).toEqual({
        ...withoutEmpty(after),
        eta: { v1: single.digest },
        'zeta/new': { v1: single.digest },
      });
    }
  });

  it('keeps all that has a name when docker-registry collects the garbage that Berth leaves', async () => {
    const root = join(folder.path, 'garbage');
    let before: Awaited<ReturnType<RegistryReader['everything']>>;
    {
      await using berth = await BerthProcess.start({ root });
      await fill(berth);
      before = await new RegistryReader(berth.url).everything();
    }
    const config = join(folder.path, 'garbage.yml');
    await writeFile(config, debianConfig({ root, address: '127.0.0.1:0' }));
    expect(await run(['docker-registry', 'garbage-collect', config])).toContain('blobs marked');
    await using berth = await BerthProcess.start({ root });
    expect(await new RegistryReader(berth.url).everything()).toEqual(before);
  });
});

describe('the settings of docker-registry', () => {
  it("are read from the file of Debian's package", async () => {
    const [root, htpasswd] = [join(folder.path, 'debian'), join(folder.path, 'htpasswd')];
    await writeHtpasswd(htpasswd, { alice: 'correct horse' });
    const port = await freePort();
    const address = `127.0.0.1:${port}`;
    const auth = { htpasswd: { realm: 'basic-realm', path: htpasswd } };
    const configText = debianConfig({ root, address, auth });
    const env = { REGISTRY_HTTP_ADDR: undefined, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: undefined };
    await using berth = await BerthProcess.start({ port, configText, env });
    const answer = await http(`${berth.url}/v2/`);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="basic-realm"');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    await push(berth, 'single', 'app:v1', '--dest-creds=alice:correct horse');
    const user = { name: 'alice', password: 'correct horse' };
    expect(await new RegistryReader(berth.url, { user }).everything()).toEqual({
      app: { v1: single.digest },
    });
    expect(await run(['ls', join(root, 'docker/registry/v2/repositories')])).toBe('app\n');
  });

  // A docker-registry that did not come as a package has no such file.
  it.skipIf(!existsSync(UNTOUCHED))(
    'start with the file as the package leaves it: nobody can log in',
    async () => {
      await using berth = await BerthProcess.start({ configText: await readFile(UNTOUCHED, 'utf8') });
      const authorization = `Basic ${Buffer.from('docker:docker').toString('base64')}`;
      for (const headers of [{}, { authorization }])
        expect((await http(`${berth.url}/v2/_catalog`, { headers })).status).toBe(401);
      expect(berth.output).toContain('the password file is a directory: nobody can log in');
    },
  );

  it('are read from the variables that a container of the registry image is given, with its volume', async () => {
    const [volume, htpasswd] = [join(folder.path, 'volume'), join(folder.path, 'container-htpasswd')];
    await mkdir(volume);
    await writeHtpasswd(htpasswd, { alice: 'correct horse' });
    {
      await using reference = await DebianRegistry.start({ root: volume });
      await push(reference, 'index', 'app:v1');
    }
    const port = await freePort();
    // The configuration inside the image.
    const configText = `version: 0.1
log: { fields: { service: registry } }
storage: { cache: { blobdescriptor: inmemory }, filesystem: { rootdirectory: /var/lib/registry } }
http: { addr: ":5000", headers: { X-Content-Type-Options: [nosniff] } }
health: { storagedriver: { enabled: true, interval: 10s, threshold: 3 } }
`;
    await using berth = await BerthProcess.start({
      port,
      configText,
      prefix: withVolume(volume, '/var/lib/registry'),
      env: {
        REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: undefined,
        REGISTRY_HTTP_ADDR: `0.0.0.0:${port}`,
        REGISTRY_STORAGE_DELETE_ENABLED: 'true',
        REGISTRY_AUTH: 'htpasswd',
        REGISTRY_AUTH_HTPASSWD_REALM: 'Registry Realm',
        REGISTRY_AUTH_HTPASSWD_PATH: htpasswd,
      },
    });
    expect((await http(`${berth.url}/v2/`)).headers['www-authenticate']).toBe('Basic realm="Registry Realm"');
    const reader = new RegistryReader(berth.url, { user: { name: 'alice', password: 'correct horse' } });
    expect(await reader.everything()).toEqual({ app: { v1: index.digest } });
    const name = `docker://${berth.address}/app@${index.digest}`;
    await run(['skopeo', 'delete', '--tls-verify=false', '--creds=alice:correct horse', name]);
    expect(await reader.status(`/v2/app/manifests/${index.digest}`)).toBe(404);
  });
});

const ANY_TYPE = { accept: '*/*, application/vnd.oci.image.manifest.v1+json' };

/** Asks how far an upload came, sends the rest, and ends it. */
async function finishUpload(server: Server, begun: URL, bytes: Buffer, sent: number): Promise<void> {
  const place = `${server.url}${begun.pathname}${begun.search}`;
  const state = await http(place);
  expect(state.status).toBe(204);
  expect(state.headers.range).toBe(`0-${sent - 1}`);
  const rest = await http(locationOf(state.headers.location, server).href, {
    method: 'PATCH',
    headers: { 'content-range': `${sent}-${bytes.length - 1}`, 'content-type': 'application/octet-stream' },
    body: bytes.subarray(sent),
  });
  expect(rest.status).toBe(202);
  const end = locationOf(rest.headers.location, server);
  end.searchParams.set('digest', digestOf(bytes));
  expect((await http(end.href, { method: 'PUT' })).status).toBe(201);
}

/** Pushes a manifest about another one, which the reference knows nothing of. @returns its digest. */
async function attach(server: Server, repository: string, subject: LayoutDescriptor): Promise<string> {
  const empty = Buffer.from('{}');
  const place = `${server.url}/v2/${repository}/blobs/uploads/?digest=${digestOf(empty)}`;
  expect((await http(place, { method: 'POST', body: empty })).status).toBe(201);
  const blob = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestOf(empty),
    size: empty.length,
  };
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const artifactType = 'application/vnd.example.signature';
  const { digest, size } = subject;
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      artifactType,
      config: blob,
      layers: [blob],
      subject: { mediaType: subject.mediaType, digest, size },
    }),
  );
  const put = await http(`${server.url}/v2/${repository}/manifests/${digestOf(body)}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body,
  });
  expect(put.status).toBe(201);
  return digestOf(body);
}

async function referrersOf(
  server: Server,
  repository: string,
  { digest }: LayoutDescriptor,
): Promise<string[]> {
  const { body } = await http(`${server.url}/v2/${repository}/referrers/${digest}`);
  return (JSON.parse(body.toString()) as { manifests: LayoutDescriptor[] }).manifests.map(
    (each) => each.digest,
  );
}

/** The reference goes on listing repositories that have nothing any more; Berth does not. */
function withoutEmpty(all: Record<string, Record<string, string>>): typeof all {
  return Object.fromEntries(Object.entries(all).filter(([, tags]) => Object.keys(tags).length > 0));
}

/** Runs a command where the folder is mounted as the volume, without touching what is there for others. */
function withVolume(from: string, to: string): string[] {
  const script =
    'mount -t tmpfs none "$(dirname "$2")" && mkdir "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', from, to];
}
