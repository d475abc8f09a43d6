import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { busyboxLayer, randomLayer, writeLargeArchive } from '../support/layers.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { digestInLayout, digestOf, OciLayout } from '../support/oci-layout.js';
import { RecordingProxy } from '../support/recording-proxy.js';
import { cleanEnvironment, type RunOptions, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const isRoot = process.getuid?.() === 0;

/** The program with images of its own. */
class Berth {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  get env(): NodeJS.ProcessEnv {
    return cleanEnvironment({ BERTH_ROOT: this.root });
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run([BERTH, ...args], { ...options, env: this.env });
  }

  async id(name: string): Promise<string> {
    return (await this.run(['inspect', '-f', '{{.Id}}', name])).trim();
  }
}

/** Everything under blobs/ is what it is called. */
function expectWhole(root: string): void {
  const folder = join(root, 'content', 'blobs', 'sha256');
  for (const hex of readdirSync(folder)) {
    expect(
      createHash('sha256')
        .update(readFileSync(join(folder, hex)))
        .digest('hex'),
    ).toBe(hex);
  }
}

/** Pushes an artifact about an image. */
async function pushNote({ url }: BerthProcess, repository: string, digest: string): Promise<void> {
  const image = await fetch(`${url}/v2/${repository}/manifests/${digest}`);
  const size = (await image.arrayBuffer()).byteLength;
  const empty = { digest: digestOf(Buffer.from('{}')), size: 2 };
  await fetch(`${url}/v2/${repository}/blobs/uploads/?digest=${empty.digest}`, {
    method: 'POST',
    body: '{}',
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...empty };
  const subject = { mediaType: image.headers.get('content-type'), digest, size };
  const artifactType = 'application/vnd.example.note';
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    artifactType,
    config,
    layers: [config],
    subject,
  });
  const answer = await fetch(`${url}/v2/${repository}/manifests/${digestOf(Buffer.from(body))}`, {
    method: 'PUT',
    headers: { 'content-type': mediaType },
    body,
  });
  expect(answer.status).toBe(201);
}

let folder: TemporaryFolder;
let berth: Berth;

beforeAll(async () => {
  folder = await temporaryFolder('images');
  berth = new Berth(join(folder.path, 'root'));
  await writeFile(join(folder.path, 'base.tar'), await busyboxLayer());
  await berth.run([
    'import',
    '-c',
    'CMD ["/bin/busybox","echo","hello"]',
    join(folder.path, 'base.tar'),
    'base:1',
  ]);
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('images of this machine', () => {
  it('are listed as docker lists them', async () => {
    const id = await berth.id('base:1');
    const table = await berth.run(['images']);
    expect(table).toMatch(
      /^REPOSITORY {3}TAG {7}IMAGE ID {7}CREATED +SIZE\nbase {9}1 {9}[0-9a-f]{12} {3}.* ago +[\d.]+MB\n$/,
    );
    expect(await berth.run(['images', '-q', '--no-trunc'])).toBe(`${id}\n`);
    expect(await berth.run(['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', 'b*'])).toBe('base:1\n');
    expect(await berth.run(['images', 'other'])).toMatch(/^REPOSITORY.*\n$/);
  });

  it('are shown as docker shows them', async () => {
    const [image] = JSON.parse(await berth.run(['inspect', 'base:1']));
    expect(image).toMatchObject({
      Id: expect.stringMatching(/^sha256:/),
      RepoTags: ['base:1'],
      Config: { Cmd: ['/bin/busybox', 'echo', 'hello'] },
      Os: 'linux',
      RootFS: { Type: 'layers', Layers: [expect.stringMatching(/^sha256:/)] },
    });
    const history = await berth.run(['history', '--format', '{{.Size}} {{.Comment}}', 'base:1']);
    expect(history).toMatch(/^[\d.]+MB Imported from .*base\.tar\n$/);
  });

  it('lose their names one by one', async () => {
    const own = new Berth(join(folder.path, 'names'));
    await own.run(['import', '-', 'a:1'], { input: randomLayer(1000) });
    await own.run(['tag', 'a:1', 'reg.example/b:2']);
    const id = await own.id('a:1');
    await expect(own.run(['rmi', id.slice(7, 15)])).rejects.toThrow('several repositories');
    expect(await own.run(['rmi', 'a:1'])).toBe('Untagged: a:1\n');
    expect(await own.run(['rmi', 'reg.example/b:2'])).toMatch(
      new RegExp(`^Untagged: reg.example/b:2\nDeleted: ${id}\nDeleted: sha256:[0-9a-f]{64}\n$`),
    );
    await expect(own.run(['rmi', 'a:1'])).rejects.toThrow('no such image: a:1');
    expect(readdirSync(join(own.root, 'content/blobs/sha256'))).toEqual([]);
  });

  it('are not made of what is no archive', async () => {
    const own = new Berth(join(folder.path, 'junk'));
    await expect(own.run(['import', '-', 'a:1'], { input: randomBytes(5000) })).rejects.toThrow('not a tar');
    const cut = randomLayer(5000).subarray(0, 4000);
    await expect(own.run(['import', '-', 'a:1'], { input: cut })).rejects.toThrow('the archive ends');
    expect(await own.run(['images', '-q'])).toBe('');
  });

  it('are exported as one tree', async () => {
    const path = join(folder.path, 'flat.tar');
    await berth.run(['export', '-o', path, 'base:1']);
    expect(await run(['tar', 'tf', path])).toBe('bin/\nbin/busybox\n');
    await expect(berth.run(['export', 'nosuch'])).rejects.toThrow('no such container or image: nosuch');
  });
});

describe('registries', () => {
  it.each([
    { registry: 'Berth', start: () => BerthProcess.start() },
    { registry: "Debian's docker-registry", start: () => DebianRegistry.start() },
  ])('take images and give them: $registry', async ({ start }) => {
    await using registry = await start();
    const name = `${registry.address}/team/base:1`;
    const pushed = await berth.run(['push', 'base:1', name]);
    const [, digest = ''] = /digest: (sha256:\w+)/.exec(pushed) ?? [];
    expect((await berth.run(['digest', name])).trim()).toBe(digest);
    const other = new Berth(join(folder.path, `pull-${registry.address}`));
    expect(await other.run(['pull', name])).toBe(
      `Digest: ${digest}\nStatus: Downloaded newer image for ${name}\n${name}\n`,
    );
    expect(await other.run(['pull', name])).toContain('Image is up to date');
    const untagged = `${registry.address}/team/base`;
    const told = /^Using default tag: latest\n(The push refers to|Digest: )/;
    expect(await berth.run(['push', 'base:1', untagged])).toMatch(told);
    expect(await other.run(['pull', untagged])).toMatch(told);
    expect(await berth.run(['push', '-q', 'base:1', untagged])).toMatch(/^\S+@sha256:\w+\n$/);
    expect(await other.run(['pull', '-q', untagged])).toBe(`${untagged}:latest\n`);
    expect(await other.run(['pull', '-a', untagged])).not.toContain('default');
    await other.run(['rmi', untagged]);
    expect(await other.id(name)).toBe(await berth.id('base:1'));
    expect(await other.run(['images', '--format', '{{.Digest}}'])).toBe(`${digest}\n`);
    await other.run(['copy', `docker://${name}`, `docker://${registry.address}/copy:2`]);
    expect(await other.run(['ls', `${registry.address}/copy`])).toBe('2\n');
    expect(await other.run(['catalog', registry.address])).toBe('copy\nteam/base\n');
    await other.run(['delete', `${registry.address}/copy@${digest}`]);
    await expect(other.run(['digest', `${registry.address}/copy:2`])).rejects.toThrow('no such image');
    await expect(other.run(['pull', `${registry.address}/none:1`])).rejects.toThrow('none:1');
  });

  it('keep several platforms, and what is about an image', async () => {
    await using registry = await BerthProcess.start();
    const layout = await OciLayout.create(join(folder.path, 'platforms'));
    const images = [];
    for (const architecture of ['amd64', 'arm64']) {
      const layers = [randomLayer(1000)];
      images.push(await layout.addImage({ layers, platform: { os: 'linux', architecture } }));
    }
    const place = await layout.tag('1', await layout.addIndex(images));
    const name = `${registry.address}/many:1`;
    const copied = (await berth.run(['copy', place, `docker://${name}`])).trim();
    expect(copied).toBe(await digestInLayout(layout.folder, '1'));
    await pushNote(registry, 'many', copied);
    expect((await berth.run(['digest', '--platform', 'linux/arm64', name])).trim()).toBe(images[1]?.digest);
    const other = new Berth(join(folder.path, 'many'));
    await other.run(['pull', '--all-platforms', '--referrers', name]);
    await other.run(['push', '--referrers', name, `${registry.address}/again:1`]);
    expect((await other.run(['digest', `${registry.address}/again:1`])).trim()).toBe(copied);
    const about = await fetch(`${registry.url}/v2/again/referrers/${copied}`).then((answer) => answer.json());
    expect(about).toMatchObject({ manifests: [{ artifactType: 'application/vnd.example.note' }] });
    await other.run(['pull', '--platform', 'linux/arm64', name]);
    expect(await other.run(['inspect', '-f', '{{.Architecture}}', name])).toBe('arm64\n');
    await expect(other.run(['pull', '--platform', 'linux/s390x', name])).rejects.toThrow(
      'linux/amd64, linux/arm64',
    );
    const docker = `${registry.address}/docker:1`;
    await other.run(['copy', '--format', 'docker', `docker://${name}`, `docker://${docker}`]);
    expect(JSON.parse(await other.run(['manifest', 'get', docker])).mediaType).toContain('manifest.list.v2');
    // What was compressed only to be sent leaves nothing behind.
    const archive = join(folder.path, 'passing.tar');
    await other.run(['copy', '--platform', 'linux/amd64', `docker://${name}`, `docker-archive:${archive}`]);
    const empty = new Berth(join(folder.path, 'empty'));
    await empty.run(['copy', `docker-archive:${archive}`, `docker://${registry.address}/passed:1`]);
    expect(readdirSync(join(empty.root, 'content/blobs/sha256'))).toEqual([]);
  });

  it('give an image to two pulls at once', async () => {
    await using registry = await BerthProcess.start();
    const name = `${registry.address}/app:1`;
    await berth.run(['import', '-', 'large:1'], { input: randomLayer(20_000_000) });
    await berth.run(['push', 'large:1', name]);
    const other = new Berth(join(folder.path, 'two-pulls'));
    await Promise.all([1, 2, 3].map(() => other.run(['pull', '-q', name])));
    expect(await other.id(name)).toBe(await berth.id('large:1'));
    expectWhole(other.root);
    expect(readdirSync(join(other.root, 'tmp'))).toEqual([]);
  });

  it('give images while others are removed', async () => {
    await using registry = await BerthProcess.start();
    const names = [1, 2, 3].map((tag) => `${registry.address}/app:${tag}`);
    for (const name of names) {
      await berth.run(['import', '-', 'some:1'], { input: randomLayer(3_000_000) });
      await berth.run(['push', 'some:1', name]);
    }
    const other = new Berth(join(folder.path, 'pruned'));
    const pulls = Promise.all(names.map((name) => other.run(['pull', '-q', name])));
    let isDone = false;
    const pruning = (async () => {
      while (!isDone) await other.run(['image', 'prune', '-f']);
    })();
    await pulls.finally(() => {
      isDone = true;
    });
    await pruning;
    await other.run(['save', '-o', join(folder.path, 'pruned.tar'), ...names]);
    expectWhole(other.root);
  });

  it('are pulled from again after a pull was killed', async () => {
    await using registry = await BerthProcess.start();
    await using proxy = await RecordingProxy.start(registry.url);
    const name = `${new URL(proxy.url).host}/huge:1`;
    await writeLargeArchive(join(folder.path, 'huge.tar'), 300);
    await berth.run(['import', join(folder.path, 'huge.tar'), 'huge:1']);
    await berth.run(['push', '--compression-level', '1', 'huge:1', `${registry.address}/huge:1`]);
    const { promise: killed, resolve: goOn } = Promise.withResolvers<void>();
    let passed = 0;
    proxy.change = async (chunk) => {
      passed += chunk.length;
      if (passed > 100 * 1024 ** 2) await killed;
      return chunk;
    };
    const other = new Berth(join(folder.path, 'killed'));
    const child = spawn(BERTH, ['pull', name], { env: other.env, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('close', resolve));
    const temporary = join(other.root, 'tmp');
    const isUnderWay = () =>
      readdirSync(temporary, { recursive: true }).some((path) => dirname(String(path)) !== '.');
    await expect.poll(isUnderWay, { interval: 5 }).toBe(true);
    child.kill('SIGKILL');
    await ended;
    goOn();
    expectWhole(other.root);
    expect(await other.run(['images', '-q'])).toBe('');
    expect(readdirSync(temporary)).toEqual([]);
    expect(await other.run(['image', 'prune', '-f'])).toMatch(/^Total reclaimed space: /);
    expect(readdirSync(join(other.root, 'content/blobs/sha256'))).toEqual([]);
    await other.run(['pull', '-q', name]);
    expect(await other.id(name)).toBe(await berth.id('huge:1'));
  });
});

describe('archives', () => {
  it('are read by skopeo', async () => {
    const id = await berth.id('base:1');
    for (const [format, suffix] of [
      ['docker-archive', ':base:1'],
      ['oci-archive', ''],
    ] as const) {
      const path = join(folder.path, `${format}.tar`);
      await berth.run(['save', '--format', format, '-o', path, 'base:1']);
      await run(['skopeo', 'copy', `${format}:${path}${suffix}`, `dir:${path}.dir`]);
      const manifest = JSON.parse(readFileSync(join(`${path}.dir`, 'manifest.json'), 'utf8'));
      expect(manifest.config.digest).toBe(id);
    }
  });

  it('are taken from skopeo', async () => {
    const path = join(folder.path, 'from-skopeo');
    await berth.run(['copy', 'base:1', `oci:${path}.layout:1`]);
    await run(['skopeo', 'copy', `oci:${path}.layout:1`, `docker-archive:${path}.docker:app:3`]);
    await run(['skopeo', 'copy', `oci:${path}.layout:1`, `oci-archive:${path}.oci:reg.example/app:4`]);
    const other = new Berth(join(folder.path, 'loaded'));
    expect(await other.run(['load', '-i', `${path}.docker`])).toBe('Loaded image: app:3\n');
    expect(await other.run(['load', '-i', `${path}.oci`])).toBe('Loaded image: reg.example/app:4\n');
    expect(await other.id('app:3')).toBe(await berth.id('base:1'));
    expect(await other.id('reg.example/app:4')).toBe(await berth.id('base:1'));
  });

  it.runIf(isRoot)('go to docker and come back', async () => {
    await using namespace = await NetworkNamespace.create();
    await using docker = await DockerDaemon.start(namespace);
    const path = join(folder.path, 'docker.tar');
    const id = await docker.run(['import', join(folder.path, 'base.tar'), 'made-by-docker:1']);
    await docker.run(['tag', 'made-by-docker:1', 'second:2']);
    await docker.run(['save', '-o', path, 'made-by-docker:1', 'second:2']);
    await docker.run(['rmi', 'made-by-docker:1', 'second:2']);
    const other = new Berth(join(folder.path, 'docker'));
    const loaded = await other.run(['load', '-i', path]);
    expect(loaded.trim().split('\n').sort()).toEqual([
      'Loaded image: made-by-docker:1',
      'Loaded image: second:2',
    ]);
    expect(await other.id('second:2')).toBe(id.trim());
    await other.run(['save', '-o', `${path}.back`, 'made-by-docker:1', 'second:2']);
    expect(await docker.run(['load', '-i', `${path}.back`])).toContain('Loaded image: second:2');
    for (const format of ['{{.Id}}', '{{json .RootFS}}', '{{json .RepoTags}}', '{{json .Config.Cmd}}']) {
      const command = ['image', 'inspect', '-f', format, 'second:2'];
      expect(await docker.run(command)).toBe(await other.run(command));
    }
    await berth.run(['save', '-o', `${path}.base`, 'base:1']);
    await docker.run(['load', '-i', `${path}.base`]);
    expect(await docker.run(['run', '--rm', '--network', 'none', 'base:1'])).toBe('hello\n');
  });
});
