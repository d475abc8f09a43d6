import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { lockRoot, SERVER } from '../../src/cli/root-lock.js';
import { SqliteIndex } from '../../src/index/index.js';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { http } from '../support/http.js';
import { PostgresServer } from '../support/postgres-server.js';
import { pushImage, testImage } from '../support/push.js';
import { cleanEnvironment, run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Terminal } from '../support/terminal.js';

describe.each([{ while: 'while the registry runs' }, { while: 'while it does not' }])('$while', (when) => {
  it('garbage is shown, collected, and the space is free', async () => {
    await using registry = await start();
    const image = testImage('a');
    await pushImage(registry.url, 'team/app', 'v1', image);
    await pushImage(registry.url, 'team/app', 'v2', testImage('b'));
    await pushImage(registry.url, 'team/app', 'v1', testImage('b')); // the first has no tag now
    await registry.stopUnless(when.while.includes('runs'));
    const shown = await registry.berth('gc', '--dry-run', '--untagged', '--grace', '0s');
    expect(shown).toMatch(
      /^manifest team\/app@sha256:\w+\nwould remove 1 manifest, 0 links to blobs, 0 blobs: 0B\n$/,
    );
    await registry.berth('gc', '--untagged', '--grace', '0s');
    await registry.berth('trash', 'empty');
    const json = JSON.parse(await registry.berth('gc', '--grace', '0s', '--json'));
    expect(json.collection).toMatchObject({ manifests: 0, skipped: [] });
    expect(json.collection.blobs).toBeGreaterThan(0);
    await using _running = await registry.startAgainIfStopped();
    expect((await http(`${registry.url}/v2/team/app/manifests/v2`)).status).toBe(200);
    expect((await http(`${registry.url}/v2/team/app/manifests/${image.digest}`)).status).toBe(404);
  });

  it('what was deleted comes back', async () => {
    await using registry = await start();
    const image = testImage('a');
    await pushImage(registry.url, 'team/app', 'v1', image);
    await http(`${registry.url}/v2/team/app/manifests/${image.digest}`, { method: 'DELETE' });
    expect((await http(`${registry.url}/v2/team/app/manifests/v1`)).status).toBe(404);
    await registry.stopUnless(when.while.includes('runs'));
    await registry.berth('gc', '--untagged', '--grace', '0s');
    const [entry] = JSON.parse(await registry.berth('trash', 'list', '--json'));
    expect(entry).toMatchObject({ repository: 'team/app', tags: ['v1'], digest: image.digest });
    expect(await registry.berth('trash', 'list')).toMatch(
      new RegExp(`^ID +REPOSITORY +TAGS[^\\n]*\\n${entry.id} +team/app +v1 +${image.digest} `),
    );
    expect(await registry.berth('trash', 'restore', entry.id)).toBe(
      `restored team/app@${image.digest} as v1\n`,
    );
    expect(await registry.berth('trash', 'list', '--json')).toBe('[]\n');
    await using _running = await registry.startAgainIfStopped();
    expect((await http(`${registry.url}/v2/team/app/manifests/v1`)).status).toBe(200);
  });

  it('an entry that there is not is named', async () => {
    await using registry = await start();
    await registry.stopUnless(when.while.includes('runs'));
    await expect(registry.berth('trash', 'restore', 'none')).rejects.toMatchObject({
      code: 1,
      stderr: 'berth: there is nothing in the trash by the name of none\n',
    });
  });
});

it('docker-registry starts on what a collection leaves, also of histories of tags', async () => {
  await using registry = await start();
  const [old, kept] = [testImage('a'), testImage('b')];
  for (const image of [old, kept]) await pushImage(registry.url, 'team/app', 'v1', image);
  const history = join(
    registry.root,
    'docker/registry/v2/repositories/team/app/_manifests/tags/v1/index/sha256',
  );
  expect((await readdir(history)).length).toBe(2);
  await registry.stopUnless(false);
  expect(await registry.berth('gc', '--untagged', '--grace', '0s')).toContain('1 entry, ');
  expect(await readdir(history)).toEqual([kept.digest.slice('sha256:'.length)]);
  await using reference = await DebianRegistry.start({ root: registry.root });
  const headers = { accept: 'application/vnd.oci.image.manifest.v1+json' };
  expect((await http(`${reference.url}/v2/team/app/manifests/v1`, { headers })).status).toBe(200);
  expect((await http(`${reference.url}/v2/team/app/manifests/${old.digest}`, { headers })).status).toBe(404);
  const deleted = await http(`${reference.url}/v2/team/app/manifests/${kept.digest}`, { method: 'DELETE' });
  expect(deleted.status).toBe(202);
});

it.each([
  { of: 'a registry', settings: {} },
  { of: 'a read-only one', settings: { storage: { maintenance: { readonly: { enabled: true } } } } },
])('a command is done when another one that has the files of $of is', async ({ settings }) => {
  await using registry = await start();
  await registry.stopUnless(false);
  const other = lockRoot(registry.root, { command: 'berth gc' });
  const asked = registry.berth('gc', '--config', await registry.configWith(settings));
  using index = new DatabaseSync(join(registry.root, 'berth/index.sqlite'), { readOnly: true });
  const jobs = () => index.prepare('SELECT count(*) AS jobs FROM jobs').get();
  await expect.poll(jobs).toEqual({ jobs: 1 });
  other[Symbol.dispose]();
  expect(await asked).toBe('removed 0 manifests, 0 links to blobs, 0 blobs: 0B\n');
  expect(jobs()).toEqual({ jobs: 0 });
});

it('a command tells on a terminal why a server may take its time', async () => {
  await using registry = await start();
  await registry.stopUnless(false);
  using _server = lockRoot(registry.root, { command: SERVER });
  const index = new SqliteIndex(join(registry.root, 'berth/index.sqlite'), { shared: true });
  const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: registry.root });
  await using terminal = await Terminal.start(`${BERTH} gc`, { columns: 120, rows: 9, env });
  let job: Awaited<ReturnType<typeof index.jobs.take>>;
  await expect.poll(async () => (job ??= await index.jobs.take())).toBeDefined();
  await terminal.until(/compares its index with the files first/);
  await index.jobs.finish(job?.id ?? 0, JSON.stringify({ failed: 'enough' }));
  expect((await terminal.until(/ended with 1/)).slice(0, 3)).toEqual([
    'berth: the server is at it; soon after a start it compares its index with the files first',
    'berth: enough',
    'ended with 1',
  ]);
  await index.close();
});

describe('a registry that is served read-only', () => {
  const maintenance = { readonly: { enabled: true }, uploadpurging: { enabled: false } };
  const storage = { filesystem: {}, maintenance };

  it('is collected by one command, while no server of it can begin to write', async () => {
    await using registry = await start();
    const { root } = registry;
    const [old, kept] = [testImage('a'), testImage('b')];
    for (const image of [old, kept]) await pushImage(registry.url, 'app', 'v1', image);
    await registry.stopUnless(false);
    await using reading = await BerthProcess.start({ root, config: { storage } });
    await using other = await BerthProcess.start({ root, config: { storage } });
    const command = lockRoot(root, { command: 'berth gc' });
    const env = cleanEnvironment({
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root,
      REGISTRY_HTTP_ADDR: '127.0.0.1:0',
    });
    {
      await using writing = await Terminal.start(`${BERTH} serve`, { columns: 300, rows: 40, env });
      const waits = await writing.until(/waits for a command/);
      expect(waits.join('')).toContain(`holder="berth gc (process ${process.pid} on `);
      expect(waits.join('')).not.toContain('listening');
      command[Symbol.dispose]();
      await writing.until(/listening/);
      await writing.interrupt();
      await writing.until(/ended with/);
    }
    const gc = ['gc', '--untagged', '--grace', '0s', '--config', reading.config];
    expect(await registry.berth(...gc)).toMatch(/^removed 1 manifest, /);
    for (const { url } of [reading, other]) {
      expect((await http(`${url}/v2/app/manifests/v1`)).status).toBe(200);
      expect((await http(`${url}/v2/app/manifests/${old.digest}`)).status).toBe(404);
    }
    await using _writing = await BerthProcess.start({ root });
    expect(await registry.berth('gc', '--config', reading.config)).toMatch(/^removed 0 manifests, /);
  });

  it('is collected by a command beside replicas that only read', async () => {
    await using postgres = await PostgresServer.start();
    await using folder = await temporaryFolder();
    const [root, berth] = [join(folder.path, 'data'), { index: { postgresql: { url: postgres.url() } } }];
    const [old, kept] = [testImage('a'), testImage('b')];
    {
      await using writing = await BerthProcess.start({ root, config: { berth } });
      for (const image of [old, kept]) await pushImage(writing.url, 'app', 'v1', image);
    }
    await using reading = await BerthProcess.start({ root, config: { storage, berth } });
    const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root });
    const gc = [BERTH, 'gc', '--untagged', '--grace', '0s', '--config', reading.config];
    expect(await run(gc, { env })).toMatch(/^removed 1 manifest, /);
    expect((await http(`${reading.url}/v2/app/manifests/v1`)).status).toBe(200);
    expect((await http(`${reading.url}/v2/app/manifests/${old.digest}`)).status).toBe(404);
  });
});

describe('a registry that collects by itself', () => {
  // Long enough for a push on a busy machine.
  const gc = { enabled: true, interval: '1s', grace: '10s', untagged: true };

  it('does so at its interval', async () => {
    await using registry = await BerthProcess.start({ config: { berth: { gc, trash: { keep: 0 } } } });
    await expectCollected(registry);
  });

  it('does so though the replica that was there first only reads', async () => {
    await using postgres = await PostgresServer.start();
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'data');
    const berth = { index: { postgresql: { url: postgres.url() } }, trash: { keep: 0 }, gc };
    const maintenance = { readonly: { enabled: true }, uploadpurging: { enabled: false } };
    const storage = { filesystem: {}, maintenance };
    await using reading = await BerthProcess.start({
      root,
      config: { storage, berth, log: { level: 'debug' } },
    });
    await expect.poll(() => reading.output).toContain('this process does what only one may do');
    await using writing = await BerthProcess.start({ root, config: { berth } });
    await expectCollected(writing);
  });

  async function expectCollected({ url }: BerthProcess): Promise<void> {
    const image = testImage('a');
    await pushImage(url, 'app', 'v1', image);
    await pushImage(url, 'app', 'v1', testImage('b'));
    // With GET it would be pulled, and kept for that.
    const untagged = `${url}/v2/app/manifests/${image.digest}`;
    await expect.poll(async () => (await http(untagged, { method: 'HEAD' })).status).toBe(404);
    expect((await http(`${url}/v2/app/manifests/v1`)).status).toBe(200);
  }
});

/** A registry that can be stopped and started again on the same address. */
async function start() {
  const folder = await temporaryFolder();
  const root = join(folder.path, 'data');
  const process = await BerthProcess.start({ root });
  const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root });
  let stopped = false;
  return {
    root,
    url: process.url,
    berth: (...args: string[]) => run([BERTH, ...args], { env }),
    configWith: async (settings: object) => {
      const path = join(folder.path, 'config.yml');
      await writeFile(path, JSON.stringify({ version: 0.1, ...settings }));
      return path;
    },
    stopUnless: async (runs: boolean) => {
      if (!runs) await process.stop();
      stopped = !runs;
    },
    startAgainIfStopped: async (): Promise<AsyncDisposable> => {
      const port = Number(new URL(process.url).port);
      return stopped ? await BerthProcess.start({ root, port }) : { [Symbol.asyncDispose]: async () => {} };
    },
    [Symbol.asyncDispose]: async () => {
      await process[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
      await folder[Symbol.asyncDispose]();
    },
  };
}
