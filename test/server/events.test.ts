import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { EventReceiver } from '../support/event-receiver.js';
import { freePort } from '../support/free-port.js';
import { http } from '../support/http.js';
import { pushImage, sha256, type TestImage, testImage } from '../support/push.js';
import { run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const PATIENCE = { interval: 25 };

describe('events', () => {
  it('are those of docker-registry, member by member', async () => {
    await using receiver = await EventReceiver.start();
    const notifications = (name: string) => ({
      events: { includereferences: true },
      endpoints: [
        {
          name,
          url: `${receiver.url}/${name}`,
          headers: { Authorization: ['Bearer of-the-receiver'] },
          ignoredmediatypes: ['application/vnd.example.ignored'],
        },
      ],
    });
    await using reference = await DebianRegistry.start({
      config: { notifications: notifications('reference') },
    });
    await using berth = await BerthProcess.start({ config: { notifications: notifications('berth') } });
    for (const url of [reference.url, berth.url]) await useAll(url, testImage('a'));
    await expect.poll(() => receiver.posts.length, PATIENCE).toBe(2 * 16);
    const [ours, theirs] = ['berth', 'reference'].map((name) => {
      const registry = name === 'berth' ? berth : reference;
      return receiver.events(`/${name}`).map((event) => comparable(event, registry));
    });
    expect(ours).toEqual(theirs);
    // The members come in the same order, too: some receivers show what they get.
    const shapes = receiver.posts.map(({ path, body }) => [path, body.replace(/: ("[^"]*"|\d+)/g, '')]);
    const shapesOf = (name: string) =>
      shapes.filter(([path]) => path === `/${name}`).map(([, shape]) => shape);
    expect(shapesOf('berth')).toEqual(shapesOf('reference'));
    const [post] = receiver.posts;
    expect(post?.headers).toMatchObject({
      authorization: 'Bearer of-the-receiver',
      'content-type': 'application/vnd.docker.distribution.events.v1+json',
    });
    expect(
      receiver.posts.every(({ headers }) => headers['content-type'] === post?.headers['content-type']),
    ).toBe(true);
    // What the reference of this version cannot do: tags that go alone.
    await pushImage(berth.url, 'team/app', 'v2', testImage('b'));
    await http(`${berth.url}/v2/team/app/manifests/v2`, { method: 'DELETE' });
    await expect
      .poll(() => receiver.events('/berth').at(-1), PATIENCE)
      .toMatchObject({ action: 'delete', target: { repository: 'team/app', tag: 'v2' } });
    expect(receiver.events('/berth').at(-1)?.target).not.toHaveProperty('digest');
    expect(berth.output).not.toContain('of-the-receiver');
  });

  it('wait for a receiver that is away, whatever becomes of the registry, and keep their order', async () => {
    await using receiver = await EventReceiver.start();
    await using folder = await temporaryFolder();
    const secret = join(folder.path, 'secret');
    await writeFile(secret, 'hunter2\n');
    const port = await freePort();
    const options = {
      root: join(folder.path, 'data'),
      port,
      config: {
        http: { debug: { addr: `127.0.0.1:${await freePort()}`, prometheus: { enabled: true } } },
        notifications: {
          endpoints: [
            { name: 'ci', url: `${receiver.url}/ci`, threshold: 3, backoff: '100ms' },
            { name: 'pulls', url: `${receiver.url}/pulls` },
          ],
        },
        berth: {
          notifications: {
            endpoints: {
              ci: {
                repositories: 'team/*',
                tags: 'v*',
                actions: ['push', 'delete'],
                signing: { file: secret },
              },
              pulls: { actions: ['pull'] },
            },
          },
        },
      },
    };
    const image = testImage('a');
    await receiver.down();
    {
      await using registry = await BerthProcess.start(options);
      for (const tag of ['v1', 'v2', 'latest', 'v3']) await pushImage(registry.url, 'team/app', tag, image);
      await pushImage(registry.url, 'elsewhere', 'v4', image);
      await registry.stop('SIGKILL');
    }
    await using registry = await BerthProcess.start(options);
    await pushImage(registry.url, 'team/app', 'v5', image);
    receiver.status = 503;
    await receiver.up();
    await http(`${registry.url}/v2/team/app/manifests/v5`);
    await expect
      .poll(() => metrics(options), PATIENCE)
      .toMatch(/status_total\{code="503 Service Unavailable",endpoint="ci"\} [1-9]/);
    receiver.status = 200;
    const tags = () => receiver.events('/ci').map(({ target }) => target.tag);
    await expect.poll(tags, PATIENCE).toEqual(['v1', 'v2', 'v3', 'v5']);
    await expect
      .poll(() => receiver.events('/pulls').map(({ action }) => action), PATIENCE)
      .toEqual(['pull']);
    for (const { body, headers } of receiver.posts.filter(({ path }) => path === '/ci')) {
      const signature = `sha256=${createHmac('sha256', 'hunter2').update(body).digest('hex')}`;
      expect(headers['x-hub-signature-256']).toBe(signature);
    }
    // The receiver knows of it before the registry has noted that.
    for (const name of ['ci', 'pulls'])
      await expect
        .poll(() => metrics(options), PATIENCE)
        .toContain(`registry_notifications_pending_total{endpoint="${name}"} 0\n`);

    const env = { ...process.env, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: options.root };
    const berth = (...args: string[]) =>
      run([BERTH, 'events', ...args, '--config', registry.config], { env });
    const kept = (await berth('list', '--json'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(kept.map(({ tag }) => tag)).toEqual(['v1', 'v2', 'v3', 'v5', 'v5']);
    const ids = kept.map(({ id }) => id);
    expect(await berth('list', '--quiet')).toBe(`${ids.join('\n')}\n`);
    const words = `COMP_WORDS=(berth events replay --config ${registry.config} ''); COMP_CWORD=5`;
    const script = `berth() { ${BERTH} "$@"; }; source <(berth completion bash); ${words}; _berth`;
    const offered = await run(['bash', '-c', `${script}; printf '%s\\n' "\${COMPREPLY[@]}"`], { env });
    expect(offered.split('\n')).toEqual(expect.arrayContaining(ids));
    expect(await berth('list', '--waiting')).toMatch(/^ID +TIME.*\n$/);
    expect(await berth('replay', '--since', '1h', '--endpoint', 'ci')).toBe('4 events to ci again\n');
    await expect.poll(tags, PATIENCE).toEqual(['v1', 'v2', 'v3', 'v5', 'v1', 'v2', 'v3', 'v5']);
    expect(await berth('replay', kept[1].id)).toBe('1 event to ci again\n0 events to pulls again\n');
    await expect.poll(() => receiver.events('/ci').at(-1), PATIENCE).toMatchObject({ id: kept[1].id });
    expect(registry.output).not.toContain('hunter2');
  });
});

type Reached = Readonly<{ url: string; address: string }>;

/** Everything that makes an event, and what makes none. */
async function useAll(url: string, image: TestImage): Promise<void> {
  for (const bytes of image.blobs) await uploadInTwo(url, bytes);
  const [, layer = Buffer.alloc(0)] = image.blobs;
  const app = `${url}/v2/team/app`;
  await http(`${url}/v2/other/app/blobs/uploads/?mount=${sha256(layer)}&from=team/app`, { method: 'POST' });
  const headers = { accept: MANIFEST, 'content-type': MANIFEST };
  for (const reference of ['v1', image.digest])
    await http(`${app}/manifests/${reference}`, { method: 'PUT', body: image.manifest, headers });
  for (const reference of ['v1', image.digest]) {
    for (const method of ['GET', 'HEAD']) await http(`${app}/manifests/${reference}`, { method, headers });
  }
  await http(`${app}/manifests/v1`, { headers: { ...headers, 'if-none-match': `"${image.digest}"` } });
  const blob = `${app}/blobs/${sha256(layer)}`;
  for (const method of ['GET', 'HEAD']) await http(blob, { method });
  await http(blob, { headers: { range: 'bytes=0-1' } });
  await http(blob, { headers: { 'if-none-match': `"${sha256(layer)}"` } });
  await http(`${app}/manifests/none`, { headers });
  await http(`${app}/manifests/${image.digest}`, { method: 'DELETE' });
  await http(blob, { method: 'DELETE' });
}

async function uploadInTwo(url: string, bytes: Buffer): Promise<void> {
  const { headers } = await http(`${url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
  const place = new URL(String(headers.location), url);
  place.searchParams.set('digest', sha256(bytes));
  await http(place.href, { method: 'PUT', body: bytes });
}

/** What differs by its nature: names of requests and processes, times, and where the registry is. */
function comparable(event: object, { address }: Reached): unknown {
  return JSON.parse(JSON.stringify(event).replaceAll(address, 'registry.example'), (key, value) => {
    if (['id', 'timestamp', 'instanceID'].includes(key)) return typeof value;
    return key === 'addr' ? String(value).replace(/:\d+$/, ':port') : value;
  });
}

async function metrics({ config }: { config: { http: { debug: { addr: string } } } }): Promise<string> {
  return (await http(`http://${config.http.debug.addr}/metrics`)).body.toString();
}
