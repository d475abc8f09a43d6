import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerDaemon } from '../support/docker-daemon.js';
import { answers, http } from '../support/http.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { writeOwnImageSources } from '../support/own-image.js';
import { pushImage, testImage } from '../support/push.js';
import { run } from '../support/run.js';

let namespace: NetworkNamespace;
let docker: DockerDaemon;
let url: string;

beforeAll(async () => {
  namespace = await NetworkNamespace.create();
  docker = await DockerDaemon.start(namespace);
  url = `http://${namespace.address}:5000`;
  const { context, base } = await writeOwnImageSources(docker.folder);
  await docker.run(['import', base, 'base']);
  await docker.run(['build', '--quiet', '--build-arg=BASE=base', '--tag=berth', context]);
});

afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

async function ready(): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await answers(`${url}/v2/`).catch(() => false)) return;
    await sleep(100);
  }
  throw new Error(`the container does not answer: ${await docker.run(['logs', 'registry'])}`);
}

describe('the image', () => {
  it('takes the place of registry:2: port, volume, variables, stop and start', async () => {
    const volume = join(docker.folder, 'volume');
    const options = [`--volume=${volume}:/var/lib/registry`, '--env=REGISTRY_STORAGE_DELETE_ENABLED=true'];
    await docker.run(['run', '--detach', '--name=registry', '--network=host', ...options, 'berth']);
    await ready();
    const image = testImage('a');
    await pushImage(url, 'team/app', 'v1', image);
    expect(await readdir(join(volume, 'docker/registry/v2/repositories/team'))).toEqual(['app']);
    expect(await docker.run(['exec', 'registry', 'berth', 'index', 'list'])).toContain('team/app');

    await docker.run(['stop', 'registry']);
    const state = ['inspect', '--format={{.State.ExitCode}}', 'registry'];
    expect((await docker.run(state)).trim()).toBe('0');
    await docker.run(['start', 'registry']);
    await ready();
    const path = `${url}/v2/team/app/manifests`;
    expect((await http(`${path}/v1`)).headers['docker-content-digest']).toBe(image.digest);
    expect((await http(`${path}/${image.digest}`, { method: 'DELETE' })).status).toBe(202);
  });

  it('runs as anybody, on a root that is read only, with the file that is mounted', async () => {
    const volume = join(docker.folder, 'of-somebody');
    await mkdir(volume);
    await run(['chown', '1234:1234', volume]);
    const file = join(docker.folder, 'config.yml');
    await writeFile(
      file,
      'version: 0.1\nstorage: {filesystem: {rootdirectory: /somewhere}}\nhttp: {addr: ":5001"}\n',
    );
    const mounts = [`--volume=${volume}:/somewhere`, `--volume=${file}:/etc/docker/registry/config.yml`];
    const options = ['--user=1234:1234', '--read-only', '--network=host', ...mounts];
    const say = 'berth index rebuild && registry --version';
    const said = await docker.run(['run', '--rm', ...options, 'berth', 'sh', '-c', say]);
    expect(said).toBe(
      '/somewhere/berth/index.sqlite: 0 repositories agree with storage (0.0 s)\nberth 0.1.0\n',
    );
  });
});
