import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { ContainerdDaemon } from '../support/containerd-daemon.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { busyboxLayer, randomLayer } from '../support/layers.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { type LayoutDescriptor, OciLayout } from '../support/oci-layout.js';
import { RecordingProxy } from '../support/recording-proxy.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** A registry that nobody can reach by its name. */
const ELSEWHERE = 'up.example';

let folder: TemporaryFolder;
let layout: OciLayout;
let image: LayoutDescriptor;
let index: LayoutDescriptor;
let reference: DebianRegistry;
let proxy: RecordingProxy;
let berth: BerthProcess;

beforeAll(async () => {
  folder = await temporaryFolder('pull-through');
  layout = await OciLayout.create(join(folder.path, 'layout'));
  image = await layout.addImage({ layers: [await busyboxLayer(), randomLayer(3_000_000)] });
  const arm = await layout.addImage({
    layers: [randomLayer(1000)],
    platform: { os: 'linux', architecture: 'arm64' },
  });
  index = await layout.addIndex([image, arm]);
  reference = await DebianRegistry.start();
  await push(`${reference.address}/team/app:v1`);
  proxy = await RecordingProxy.start(reference.url);
  const upstreams = [{ prefix: ELSEWHERE, url: proxy.url }];
  berth = await BerthProcess.start({ config: { berth: { upstreams } } });
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await reference?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function push(name: string): Promise<void> {
  const source = await layout.tag('all', index);
  await run(['skopeo', 'copy', '--all', '--dest-tls-verify=false', source, `docker://${name}`]);
}

describe('a copy of another registry', () => {
  it('is where containerd finds images of that, as hosts.toml says', async () => {
    await using containerd = await ContainerdDaemon.start();
    const hosts = join(containerd.folder, 'hosts');
    await mkdir(join(hosts, ELSEWHERE), { recursive: true });
    await writeFile(
      join(hosts, ELSEWHERE, 'hosts.toml'),
      `[host."${berth.url}"]\ncapabilities = ["pull", "resolve"]\n`,
    );
    const name = `${ELSEWHERE}/team/app:v1`;
    await containerd.run(['content', 'fetch', `--hosts-dir=${hosts}`, '--all-platforms', name]);
    expect(await containerd.run(['images', 'ls'])).toContain(index.digest);
    const blobs = proxy.requests.filter((request) => /^GET .*\/blobs\//.test(request));
    expect(blobs).toHaveLength(5); // two configurations, three layers
    expect(new Set(blobs).size).toBe(blobs.length);
  });

  it('is where skopeo finds them, as registries.conf says, and by the whole name', async () => {
    const conf = join(folder.path, 'registries.conf');
    await writeFile(
      conf,
      `[[registry]]\nlocation = "${ELSEWHERE}"\n[[registry.mirror]]\nlocation = "${berth.address}/${ELSEWHERE}"\ninsecure = true\n`,
    );
    const inspected = await run([
      'skopeo',
      '--registries-conf',
      conf,
      'inspect',
      '--raw',
      `docker://${ELSEWHERE}/team/app:v1`,
    ]);
    expect(JSON.parse(inspected).manifests).toHaveLength(2);
    const whole = `docker://${berth.address}/${ELSEWHERE}/team/app@${index.digest}`;
    const target = `dir:${join(folder.path, 'copied')}`;
    await run(['skopeo', 'copy', '--all', '--src-tls-verify=false', whole, target]);
    const tags = await run(['skopeo', 'list-tags', '--tls-verify=false', whole.replace(/@.*/, '')]);
    expect(JSON.parse(tags).Tags).toEqual(['v1']);
  });

  it('leaves data that docker-registry serves', async () => {
    await using old = await DebianRegistry.start({ root: berth.root });
    const name = `docker://${old.address}/${ELSEWHERE}/team/app:v1`;
    await run(['skopeo', 'copy', '--all', '--src-tls-verify=false', name, `dir:${join(folder.path, 'old')}`]);
    const catalog = await run(['curl', '--silent', `${old.url}/v2/_catalog`]);
    expect(JSON.parse(catalog)).toEqual({ repositories: [`${ELSEWHERE}/team/app`] });
  });
});

describe('a registry that is a copy of Docker Hub', () => {
  it('is a mirror for docker', async () => {
    await using namespace = await NetworkNamespace.create();
    const inside = { host: namespace.address, prefix: namespace.prefix };
    await using hub = await BerthProcess.start({ ...inside, port: 5000 });
    await push(`${hub.address}/library/app:v1`);
    await using mirror = await BerthProcess.start({
      ...inside,
      port: 5001,
      config: { proxy: { remoteurl: hub.url } },
    });
    await using docker = await DockerDaemon.start(namespace, { registryMirrors: [mirror.url] });
    await docker.run(['pull', 'app:v1']);
    expect(
      await docker.run(['run', '--rm', '--network=none', 'app:v1', '/bin/busybox', 'echo', 'hello']),
    ).toBe('hello\n');
    await docker.run(['rmi', 'app:v1']);
    await hub.stop();
    await docker.run(['pull', 'app:v1']);
    expect(await docker.run(['image', 'inspect', '--format', '{{.RepoDigests}}', 'app:v1'])).toContain(
      index.digest,
    );
  });
});
