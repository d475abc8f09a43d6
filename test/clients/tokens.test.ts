import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { ContainerdDaemon } from '../support/containerd-daemon.js';
import { ContainersStorage } from '../support/containers-storage.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { randomLayer } from '../support/layers.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { OciLayout } from '../support/oci-layout.js';
import { OidcService } from '../support/oidc-service.js';
import { cleanEnvironment, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const PORT = 5000;
const ROBOT = 'robot+ci';
const JOB = { aud: 'registry.example', sub: 'project_path:group/app', project_path: 'group/app' };

let folder: TemporaryFolder;
let namespace: NetworkNamespace;
let service: OidcService;
let berth: BerthProcess;
let layout: OciLayout;
let source: string;
let secret: string;

/** A registry inside the namespace, beside docker, whose keys change all the time. */
beforeAll(async () => {
  folder = await temporaryFolder('client-tokens');
  namespace = await NetworkNamespace.create();
  service = await OidcService.start({ host: namespace.outside });
  const path = join(folder.path, 'robots.json');
  const rights = ['--repo', 'team/**', '--actions', 'pull,push', '--expires', '1d'];
  secret = (await run([BERTH, 'robot', 'add', 'ci', '--file', path, ...rights])).trim();
  const rules = [
    { claims: { project_path: 'group/*' }, repositories: '{project_path}/**', actions: ['push'] },
  ];
  berth = await BerthProcess.start({
    host: namespace.address,
    port: PORT,
    prefix: namespace.prefix,
    env: { REGISTRY_HTTP_ADDR: `:${PORT}` },
    config: {
      berth: {
        access: [{ repositories: 'public/**', pull: ['anonymous'] }],
        tokens: { enabled: true, rotation: '2s' },
        robots: { path },
        oidc: [{ issuer: service.url, audience: JOB.aud, rules }],
      },
    },
  });
  layout = await OciLayout.create(join(folder.path, 'layout'));
  source = await layout.tag('app', await layout.addImage({ layers: [randomLayer(2_000_000)] }));
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await service?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

describe('a registry with signed tokens, robots and jobs', () => {
  it('is pushed to and pulled from with skopeo', async () => {
    const authFile = join(folder.path, 'skopeo.json');
    const login = (user: string, input: string) =>
      run(
        [
          'skopeo',
          'login',
          '--tls-verify=false',
          `--authfile=${authFile}`,
          '-u',
          user,
          '--password-stdin',
          berth.address,
        ],
        { input },
      );
    const push = (name: string) =>
      run([
        'skopeo',
        'copy',
        '--dest-tls-verify=false',
        `--dest-authfile=${authFile}`,
        source,
        `docker://${berth.address}/${name}`,
      ]);
    await expect(login(ROBOT, 'wrong')).rejects.toThrow(/invalid username\/password/);
    await login(ROBOT, secret);
    await push('team/skopeo:v1');
    await expect(push('group/app:v1')).rejects.toThrow(/denied|403/);
    await login('oidc', await service.tokenFor(JOB));
    await push('group/app/skopeo:v1');
    await expect(push('team/skopeo:v2')).rejects.toThrow(/denied|403/);
    await expect(
      login('oidc', await service.tokenFor({ ...JOB, project_path: 'other/app' })),
    ).rejects.toThrow(/invalid username\/password/);
  });

  it('is pushed to and pulled from with podman', async () => {
    await using podman = await ContainersStorage.create('podman');
    const id = (await podman.run(['pull', '--quiet', source])).trim();
    const plain = '--tls-verify=false';
    const login = (user: string, input: string) =>
      podman.run(['login', plain, '-u', user, '--password-stdin', berth.address], { input });
    const at = (name: string) => `${berth.address}/${name}:v1`;
    await login(ROBOT, secret);
    await podman.run(['push', '--quiet', plain, id, at('team/podman')]);
    await expect(podman.run(['push', '--quiet', plain, id, at('group/app/podman')])).rejects.toThrow(
      /denied|403/,
    );
    await login('oidc', await service.tokenFor(JOB));
    await podman.run(['push', '--quiet', plain, id, at('group/app/podman')]);
    await podman.run(['rmi', '--force', id]);
    expect((await podman.run(['pull', '--quiet', plain, at('group/app/podman')])).trim()).toBe(id);
    await expect(podman.run(['pull', '--quiet', plain, at('team/podman')])).rejects.toThrow(/denied|403/);
  });

  it('is pushed to and pulled from with docker', async () => {
    const host = `127.0.0.1:${PORT}`;
    await using docker = await DockerDaemon.start(namespace);
    const context = join(docker.folder, 'context');
    await mkdir(context);
    await writeFile(join(context, 'own'), randomLayer(1_000_000));
    await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY own /own\n');
    const names = [`${host}/team/docker:v1`, `${host}/group/app/docker:v1`] as const;
    await docker.run(['build', '--quiet', ...names.flatMap((name) => ['--tag', name]), context]);
    const login = (user: string, input: string) =>
      docker.run(['login', `--username=${user}`, '--password-stdin', host], { input });
    await login(ROBOT, secret);
    await docker.run(['push', names[0]]);
    await expect(docker.run(['push', names[1]])).rejects.toThrow(/denied|403/);
    await docker.run(['logout', host]);
    await login('oidc', await service.tokenFor({ ...JOB, exp: Math.floor(Date.now() / 1000) + 10 }));
    await docker.run(['push', names[1]]);
    await docker.run(['rmi', ...names]);
    await docker.run(['pull', names[1]]);
    const based = join(docker.folder, 'based');
    await mkdir(based);
    await writeFile(join(based, 'Dockerfile'), `FROM ${names[1]}\nENV a=b\n`);
    for (const buildKit of [false, true])
      await docker.run(['build', '--quiet', '--pull', '--no-cache', based], { buildKit });
    await expect(docker.run(['pull', names[0]])).rejects.toThrow(/denied|403/);
    await expect(login('oidc', await service.tokenFor({ ...JOB, aud: 'elsewhere' }))).rejects.toThrow(
      /unauthorized/,
    );
  });

  it('is pulled from with containerd', async () => {
    await using containerd = await ContainerdDaemon.start();
    const name = `${berth.address}/team/skopeo:v1`;
    const fetch = (...user: string[]) =>
      containerd.run(['content', 'fetch', '--plain-http', '--all-platforms', ...user, name]);
    await expect(fetch()).rejects.toThrow(/401|authorization failed/i);
    await fetch(`--user=${ROBOT}:${secret}`);
    expect(await containerd.run(['images', 'ls', '--quiet'])).toContain(name);
  });

  it('is pushed to and pulled from with our own client', async () => {
    const env = cleanEnvironment({ HOME: folder.path, DOCKER_CONFIG: join(folder.path, 'own') });
    const own = (args: readonly string[], input = '') => run([BERTH, ...args], { env, input });
    await own(['login', '-u', ROBOT, '--password-stdin', '--plain-http', berth.address], secret);
    await own(['copy', '--plain-http', source, `docker://${berth.address}/team/own:v1`]);
    expect(await own(['ls', '--plain-http', `${berth.address}/team/own`])).toContain('v1');
    await expect(
      own(['copy', '--plain-http', source, `docker://${berth.address}/group/app:v1`]),
    ).rejects.toThrow(/denied|may not push/);
  });
});
