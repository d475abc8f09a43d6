import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { DebianRegistry, debianConfig } from '../support/debian-registry.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { freePort } from '../support/free-port.js';
import { http } from '../support/http.js';
import { busyboxLayer, randomLayer } from '../support/layers.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { digestOf, type LayoutDescriptor, OciLayout } from '../support/oci-layout.js';
import { RegistryReader } from '../support/registry-reader.js';
import { cleanEnvironment, run } from '../support/run.js';
import { createBucket, onBucket, s3Section, type TestBucket } from '../support/s3.js';
import { S3Proxy } from '../support/s3-proxy.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
let bucket: TestBucket;
let layout: OciLayout;
let single: LayoutDescriptor;
let other: LayoutDescriptor;
let index: LayoutDescriptor;

beforeAll(async () => {
  folder = await temporaryFolder('s3');
  bucket = await createBucket();
  layout = await OciLayout.create(join(folder.path, 'layout'));
  // One layer of several parts, one of one part, one that is too small for a part.
  single = await layout.addImage({
    layers: [await busyboxLayer(), randomLayer(25_000_000), randomLayer(7_000_000)],
  });
  other = await layout.addImage({
    layers: [randomLayer(20_000)],
    platform: { os: 'linux', architecture: 'arm64' },
  });
  index = await layout.addIndex([single, other]);
  await layout.tag('single', single);
  await layout.tag('other', other);
  await layout.tag('index', index);
});

afterAll(async () => {
  bucket?.client.destroy();
  await folder?.[Symbol.asyncDispose]();
});

type Server = Readonly<{ address: string; url: string }>;

async function push({ address }: Server, tag: string, name: string): Promise<void> {
  const to = ['--dest-tls-verify=false', `oci:${layout.folder}:${tag}`, `docker://${address}/${name}`];
  await run(['skopeo', 'copy', '--quiet', '--all', ...to]);
}

function passThrough(s3: Readonly<Record<string, unknown>>) {
  return onBucket(bucket, { s3, storage: { redirect: { disable: true } } });
}

describe('skopeo with a registry on S3', () => {
  it.each([
    { way: 'from the service itself', disable: false },
    { way: 'through the registry', disable: true },
  ])('brings images in, and out again $way', async ({ way, disable }) => {
    const options = { s3: { rootdirectory: `/skopeo/${disable}` }, storage: { redirect: { disable } } };
    await using berth = await BerthProcess.start(onBucket(bucket, options));
    await push(berth, 'index', 'team/app:v1');
    const out = join(folder.path, way);
    await run([
      'skopeo',
      'copy',
      '--quiet',
      '--all',
      '--src-tls-verify=false',
      `docker://${berth.address}/team/app:v1`,
      `dir:${out}`,
    ]);
    const digests = await run(['sh', '-c', 'cd "$1" && sha256sum -- * | cut -d" " -f1', 'sh', out]);
    expect(digests).toContain(single.digest.slice('sha256:'.length));
    if (disable) expect((await new RegistryReader(berth.url).image('team/app', 'v1')).images).toHaveLength(2);
  });
});

describe('a copy of another registry on S3', () => {
  it('fills the bucket as it is asked, and serves from it when the other is gone', async () => {
    await using up = await BerthProcess.start();
    await push(up, 'index', 'team/app:v1');
    const { config, env } = onBucket(bucket, { s3: { rootdirectory: '/copy' } });
    const upstreams = [{ prefix: 'up', url: up.url, maxsize: '1GB' }];
    await using berth = await BerthProcess.start({
      config: { ...config, berth: { upstreams } },
      ...(env && { env }),
    });
    const pull = (to: string) => {
      const name = `docker://${berth.address}/up/team/app:v1`;
      return run(['skopeo', 'copy', '--all', '--src-tls-verify=false', name, `dir:${join(folder.path, to)}`]);
    };
    await pull('first');
    await up.stop();
    await pull('again');
    const manifest = await readFile(
      join(folder.path, 'again', `${single.digest.slice(7)}.manifest.json`),
      'utf8',
    );
    const blob = `${berth.url}/v2/up/team/app/blobs/${JSON.parse(manifest).layers[1].digest}`;
    expect((await http(blob)).status).toBe(307);
  });
});

describe('docker with a registry on S3', () => {
  it('pushes, and pulls from the service under the name that clients reach it by', async () => {
    await using namespace = await NetworkNamespace.create();
    await using proxy = await S3Proxy.start(bucket.endpoint, { host: namespace.outside });
    const [host, port] = [namespace.outside, await freePort(namespace.outside)];
    const s3 = { rootdirectory: '/docker', redirectendpoint: proxy.endpoint };
    await using berth = await BerthProcess.start({ host, port, ...onBucket(bucket, { s3 }) });
    await using docker = await DockerDaemon.start(namespace, { insecureRegistries: [berth.address] });
    const name = `${berth.address}/built/app:v1`;
    const context = join(docker.folder, 'context');
    await mkdir(context, { recursive: true });
    await writeFile(join(context, 'base.tar'), await busyboxLayer());
    await writeFile(join(context, 'own'), randomLayer(30_000_000));
    await writeFile(
      join(context, 'Dockerfile'),
      'FROM scratch\nADD base.tar /\nCOPY own /own\nCMD ["/bin/busybox", "sha256sum", "/own"]\n',
    );
    await docker.run(['build', '--quiet', '--tag', name, context]);
    const content = await docker.run(['run', '--rm', '--network=none', name]);
    expect(await docker.run(['push', name])).toContain('v1: digest: sha256:');
    await docker.run(['rmi', name]);
    await docker.run(['pull', name]);
    expect(await docker.run(['run', '--rm', '--network=none', name])).toBe(content);
    const fetched = proxy.requests.filter(({ path }) => path.includes('X-Amz-Signature'));
    expect(fetched.length).toBeGreaterThanOrEqual(3); // config and two layers
  });
});

describe('the bucket of docker-registry', () => {
  const s3 = { rootdirectory: '/takeover' };
  const startReference = () =>
    DebianRegistry.start({
      config: {
        storage: { s3: s3Section(bucket, s3), delete: { enabled: true }, redirect: { disable: true } },
      },
    });

  it('is served by Berth, and what Berth makes of it by docker-registry', async () => {
    const bytes = randomLayer(21_000_000);
    const sent = 14_000_000;
    let location: URL;
    let before: Awaited<ReturnType<RegistryReader['everything']>>;
    {
      await using reference = await startReference();
      await push(reference, 'single', 'alpha:v1');
      await push(reference, 'index', 'team/beta/deep:multi');
      await push(reference, 'other', 'alpha:latest');
      await push(reference, 'other', 'gamma:gone');
      const gone = await http(`${reference.url}/v2/gamma/manifests/${other.digest}`, { method: 'DELETE' });
      expect(gone.status).toBe(202);
      const begun = await http(`${reference.url}/v2/epsilon/blobs/uploads/`, { method: 'POST' });
      const first = await http(begun.headers.location ?? '', {
        method: 'PATCH',
        body: bytes.subarray(0, sent),
      });
      expect(first.status).toBe(202);
      location = new URL(first.headers.location ?? '');
      before = await new RegistryReader(reference.url).everything();
    }

    let after: typeof before;
    {
      await using berth = await BerthProcess.start(passThrough(s3));
      const reader = new RegistryReader(berth.url);
      expect(withoutEmpty(await reader.everything())).toEqual(withoutEmpty(before));
      expect(await reader.status(`/v2/gamma/manifests/${other.digest}`)).toBe(404);

      const upload = `${berth.url}${location.pathname}${location.search}`;
      expect((await http(upload)).headers.range).toBe(`0-${sent - 1}`);
      const end = `${upload}&digest=${digestOf(bytes)}`;
      expect((await http(end, { method: 'PUT', body: bytes.subarray(sent) })).status).toBe(201);
      expect(await reader.status(`/v2/epsilon/blobs/${digestOf(bytes)}`)).toBe(200);

      await push(berth, 'index', 'zeta/new:v1');
      await push(berth, 'single', 'alpha:latest');
      const removed = await http(`${berth.url}/v2/alpha/manifests/v1`, { method: 'DELETE' });
      expect(removed.status).toBe(202);
      after = await reader.everything();
      expect(after).toMatchObject({ alpha: { latest: single.digest }, 'zeta/new': { v1: index.digest } });
    }

    {
      await using reference = await startReference();
      const reader = new RegistryReader(reference.url);
      expect(withoutEmpty(await reader.everything())).toEqual(withoutEmpty(after));
      expect(await reader.status(`/v2/epsilon/blobs/${digestOf(bytes)}`)).toBe(200);
      await push(reference, 'single', 'eta:v1');
    }

    await using berth = await BerthProcess.start(passThrough(s3));
    expect(withoutEmpty(await new RegistryReader(berth.url).everything())).toEqual({
      ...withoutEmpty(after),
      eta: { v1: single.digest },
    });
  });

  it('keeps all that has a name when docker-registry collects the garbage in it', async () => {
    const config = join(folder.path, 'garbage.yml');
    const sections = { storage: { s3: s3Section(bucket, s3), delete: { enabled: true } } };
    await writeFile(config, debianConfig({ root: '', address: '127.0.0.1:0', ...sections }));
    const env = cleanEnvironment({ AWS_CA_BUNDLE: undefined });
    expect(await run(['docker-registry', 'garbage-collect', config], { env })).toContain('blobs marked');
    await using berth = await BerthProcess.start(passThrough(s3));
    expect(await new RegistryReader(berth.url).everything()).toMatchObject({
      alpha: { latest: single.digest },
      'zeta/new': { v1: index.digest },
    });
  });
});

/** The reference goes on listing repositories that have nothing any more; Berth does not. */
function withoutEmpty(all: Record<string, Record<string, string>>): typeof all {
  return Object.fromEntries(Object.entries(all).filter(([, tags]) => Object.keys(tags).length > 0));
}
