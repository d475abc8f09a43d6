import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { ContainersStorage } from '../support/containers-storage.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { cleanEnvironment, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const DOCKERFILE = `FROM built-base
RUN echo app:x:1234:1234::/home/app:/bin/sh >> /etc/passwd && echo made by a command > /made
COPY --chown=app said /home/app/
USER app
WORKDIR /home/app
ENV WHO=berth
CMD id -u && cat said /made && echo $WHO
`;
const SAID = '1234\nsaid\nmade by a command\nberth\n';
/** Limits that root without CAP_SYS_RESOURCE may set. */
const PODMAN_LIMITS = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024'];

const resources = new AsyncDisposableStack();
let folder: TemporaryFolder;
let docker: DockerDaemon;
let podman: ContainersStorage;
let archive: string;

const berth = (...args: string[]) =>
  run([BERTH, ...args], { env: cleanEnvironment({ BERTH_ROOT: join(folder.path, 'root') }) });

beforeAll(async () => {
  folder = resources.use(await temporaryFolder('built-images'));
  docker = resources.use(await DockerDaemon.start(resources.use(await NetworkNamespace.create())));
  podman = resources.use(await ContainersStorage.create('podman'));
  const context = join(folder.path, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), DOCKERFILE);
  await writeFile(join(context, 'said'), 'said\n');
  await berth('import', await writeBusyboxRoot(folder.path), 'built-base');
  await berth('build', '--quiet', '-t', 'built:1', context);
  archive = join(folder.path, 'built.tar');
  await berth('save', '-o', archive, 'built:1');
});

afterAll(() => resources.disposeAsync());

describe('an image that Berth has built', () => {
  it('is run by docker', async () => {
    await docker.run(['load', '-i', archive]);
    expect(await docker.run(['run', '--rm', '--network=none', 'built:1'])).toBe(SAID);
  });

  it('is run by podman', async () => {
    await podman.run(['load', '--quiet', '-i', archive]);
    const command = ['run', '--rm', '--network=none', ...PODMAN_LIMITS, 'built:1'];
    expect(await podman.run(command)).toBe(SAID);
  });

  it.each([
    { name: 'Berth', start: () => BerthProcess.start() },
    { name: 'docker-registry', start: () => DebianRegistry.start({ root: join(folder.path, 'registry') }) },
  ])('goes to $name and comes back the same', async ({ start }) => {
    await using registry = await start();
    const name = `${registry.address}/built/app:1`;
    await berth('tag', 'built:1', name);
    const [id] = JSON.parse(await berth('inspect', name)).map((image: { Id: string }) => image.Id);
    await berth('push', name);
    await berth('rmi', name);
    await berth('pull', name);
    const [pulled] = JSON.parse(await berth('inspect', name)).map((image: { Id: string }) => image.Id);
    expect(pulled).toBe(id);
  });
});
