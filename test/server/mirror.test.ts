import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { freePort } from '../support/free-port.js';
import { http } from '../support/http.js';
import { pushImage, testImage } from '../support/push.js';
import { pushInTwo } from '../support/push-in-two.js';
import { cleanEnvironment, run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

async function start(mirrors: readonly object[], root?: string, more: object = {}) {
  const port = await freePort();
  const berth = await BerthProcess.start({
    port,
    config: { berth: { mirrors, ...more } },
    ...(root ? { root } : {}),
  });
  const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: berth.root });
  return Object.assign(berth, {
    mirror: async (...args: readonly string[]) =>
      JSON.parse(await run([BERTH, 'mirror', '--json', '--config', berth.config, ...args], { env })),
    fails: (...args: readonly string[]) =>
      run([BERTH, 'mirror', '--config', berth.config, ...args], { env }).then(
        () => undefined,
        (error: { code: number; stderr: string }) => error,
      ),
  });
}

async function digestOf({ url }: { url: string }, repository: string, tag: string) {
  const { status, headers } = await http(`${url}/v2/${repository}/manifests/${tag}`, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  return status === 200 ? headers['docker-content-digest'] : status;
}

const [one, two, three] = [testImage('one'), testImage('two'), testImage('three')];

describe('berth mirror', () => {
  it('copies selected images from another registry, while the server runs and while it does not', async () => {
    await using other = await DebianRegistry.start();
    await pushInTwo(other.url, 'team/app', 'v1', one);
    await pushInTwo(other.url, 'team/app', 'test', two);
    await pushInTwo(other.url, 'team/tool', 'v1', three);
    await pushInTwo(other.url, 'other/app', 'v1', three);
    const rule = {
      name: 'team',
      url: other.url,
      prefix: 'from',
      repositories: 'team/*',
      tags: 'v*',
      interval: '0s',
    };
    await using folder = await temporaryFolder('mirror');
    await using place = await temporaryFolder('audit');
    const audit = { path: join(place.path, 'audit.log') };
    await using berth = await start([rule, { ...rule, name: 'never', repositories: 'absent' }], folder.path, {
      audit,
    });
    expect(await berth.mirror('team')).toEqual({ copied: 2, unchanged: 0, failures: [] });
    expect(await digestOf(berth, 'from/team/app', 'v1')).toBe(one.digest);
    expect(await digestOf(berth, 'from/team/tool', 'v1')).toBe(three.digest);
    expect(await digestOf(berth, 'from/team/app', 'test')).toBe(404);
    expect(await digestOf(berth, 'from/other/app', 'v1')).toBe(404);
    const layer = await http(
      `${berth.url}/v2/from/team/app/blobs/${JSON.parse(one.manifest.toString()).layers[0].digest}`,
    );
    expect(layer.body).toEqual(one.blobs[1]);

    expect(await berth.fails('never')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^berth: 127.0.0.1:\d+\/absent: no such image/),
    });
    expect(await berth.fails('nowhere')).toMatchObject({
      stderr: 'berth: there is no mirror nowhere in berth.mirrors\n',
    });
    await berth.stop();
    await pushInTwo(other.url, 'team/app', 'v1', two);
    expect(await berth.mirror('team')).toEqual({ copied: 1, unchanged: 1, failures: [] });
    await using again = await start([], folder.path);
    expect(await digestOf(again, 'from/team/app', 'v1')).toBe(two.digest);
    const kept = (await readFile(audit.path, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(
      kept.filter(({ tag }) => tag).map(({ action, repository, digest }) => [action, repository, digest]),
    ).toEqual([
      ['push', 'from/team/app', one.digest],
      ['push', 'from/team/tool', three.digest],
      ['push', 'from/team/app', two.digest],
    ]);
  });

  it('copies to another registry, and does so by the clock', async () => {
    await using other = await DebianRegistry.start();
    const rule = {
      name: 'away',
      direction: 'push',
      url: other.url,
      prefix: 'team',
      repositories: '**',
      interval: '500ms',
    };
    await using berth = await start([rule]);
    await pushImage(berth.url, 'team/app', 'v1', one);
    await pushImage(berth.url, 'own/app', 'v1', three);
    const copied = () => digestOf(other, 'app', 'v1');
    await expect.poll(copied).toBe(one.digest);
    await pushImage(berth.url, 'team/app', 'v1', two);
    await expect.poll(copied).toBe(two.digest);
    const catalog = await http(`${other.url}/v2/_catalog`);
    expect(JSON.parse(catalog.body.toString())).toEqual({ repositories: ['app'] });
  });
});
