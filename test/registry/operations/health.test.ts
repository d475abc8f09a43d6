import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../src/registry/config/index.js';
import { Health, type HealthOptions } from '../../../src/registry/operations/index.js';
import {
  type Entry,
  FilesystemDriver,
  MemoryDriver,
  type StorageDriver,
} from '../../../src/storage/index.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** The `health` section as the configuration reads it from this text. */
function checksOf(yaml: string): HealthOptions['checks'] {
  const text = `version: 0.1\nstorage: inmemory\nhealth: ${yaml}\n`;
  return loadConfig({ path: 'config.yml', env: {}, text }).config.health;
}

function started(yaml = '{}', options: Partial<HealthOptions> = {}) {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const driver = new MemoryDriver();
  const parts = { driver, index: { check: async () => {} }, log, minFreeBytes: 0, readOnly: false };
  const health = new Health({ checks: checksOf(yaml), ...parts, ...options });
  const stop = new AbortController();
  cleanups.push(() => stop.abort());
  health.start(stop.signal);
  return { health, log, driver };
}

/** A driver that fails in one of its methods. */
function broken<K extends keyof StorageDriver>(method: K, replacement: StorageDriver[K]): StorageDriver {
  const driver = new MemoryDriver();
  Object.assign(driver, { [method]: replacement });
  return driver;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-health-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

const OUT_OF_SERVICE = 'a health check failed, see /debug/health';

describe('Health', () => {
  it('is well with storage and index that work, and leaves nothing behind', async () => {
    const { health, driver } = started();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(health.status()).toEqual({});
    expect(health.down).toBeUndefined();
    for await (const entry of driver.list('/berth/health')) expect(entry).toBeUndefined();
  });
  it('goes down and up by hand', () => {
    const { health } = started();
    health.setManual(true);
    expect(health.down).toBe('it was taken down by hand');
    expect(Object.keys(health.status())).toEqual(['manual_http_status']);
    health.setManual(false);
    expect(health.down).toBeUndefined();
    expect(health.status()).toEqual({});
  });
});

describe('Health of the storage', () => {
  it('is down when the storage cannot be read', async () => {
    const driver = broken('list', async function* () {
      yield* [];
      throw new Error('cannot list', { cause: new Error('EIO: i/o error') });
    });
    const { health, log } = started('{ storagedriver: { enabled: true, interval: 100ms, threshold: 2 } }', {
      driver,
    });
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
    expect(health.status()).toEqual({ storagedriver_inmemory: 'cannot list: EIO: i/o error' });
    expect(log.warn).toHaveBeenCalledExactlyOnceWith(
      { check: 'storagedriver_inmemory', effect: 'down', reason: 'cannot list: EIO: i/o error' },
      'a health check failed',
    );
  });
  it('is degraded, but not down, when it cannot be written', async () => {
    const driver = broken('publish', async () => {
      throw new Error('EROFS: read-only file system');
    });
    const { health } = started('{}', { driver });
    await expect.poll(() => health.status()).toEqual({ storage_writable: 'EROFS: read-only file system' });
    expect(health.down).toBeUndefined();
  });
  it('shows what is wrong without saying where the files are, which the log says', async () => {
    const root = join(await temporaryFolder(), 'root');
    const driver = await FilesystemDriver.open(root);
    await rm(root, { recursive: true });
    await writeFile(root, 'no directory');
    const { health, log } = started('{}', { driver });
    const gone = 'the root directory of the storage is gone: not a directory';
    await expect.poll(() => health.status()).toMatchObject({ storage_writable: gone });
    expect(log.warn).toHaveBeenCalledWith(
      expect.objectContaining({ check: 'storage_writable', reason: expect.stringContaining(root) }),
      'a health check failed',
    );
  });
  it.each([
    { what: 'removed', become: async () => {} },
    { what: 'replaced by a file', become: (root: string) => writeFile(root, 'no directory') },
  ])('is down when the root directory was $what', async ({ become }) => {
    const root = join(await temporaryFolder(), 'root');
    const driver = await FilesystemDriver.open(root);
    await rm(root, { recursive: true });
    await become(root);
    const yaml = '{ storagedriver: { enabled: true, interval: 100ms, threshold: 2 } }';
    const { health } = started(yaml, { driver });
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
    expect(health.status()).toMatchObject({
      storagedriver_filesystem: expect.stringContaining('the root directory of the storage is gone'),
    });
  });
  it('does not write to a read-only registry', async () => {
    const write = vi.fn();
    const { health } = started('{}', { driver: broken('publish', write), readOnly: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(health.status()).toEqual({});
    expect(write).not.toHaveBeenCalled();
  });
  it('is degraded when space runs out', async () => {
    const driver = broken('freeBytes', async () => 5 * 1024 ** 2);
    const { health } = started('{}', { driver, minFreeBytes: 100 * 1024 ** 2 });
    const status = { storage_space: '5 MiB are free, less than 100 MiB (berth.minfreespace)' };
    await expect.poll(() => health.status()).toEqual(status);
    expect(health.down).toBeUndefined();
  });
  it('gives up on a storage that hangs, but does not ask it again and again', async () => {
    const list = vi.fn(async function* () {
      yield await new Promise<Entry>(() => {});
    });
    const yaml = '{ storagedriver: { enabled: true, interval: 100ms, threshold: 2 } }';
    const { health } = started(yaml, { driver: broken('list', list), maxCheckMs: 50 });
    await expect.poll(() => health.status()).toEqual({ storagedriver_inmemory: 'no answer within 50 ms' });
    expect(list).toHaveBeenCalledTimes(1);
  });
});

describe('Health checks of the configuration', () => {
  it('is down as long as the file exists', async () => {
    const file = join(await temporaryFolder(), 'out-of-service');
    const { health, log } = started(`{ file: [{ file: ${file}, interval: 100ms }] }`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(health.down).toBeUndefined();
    await writeFile(file, '');
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
    expect(health.status()).toEqual({ [file]: 'file exists' });
    await rm(file);
    await expect.poll(() => health.down).toBeUndefined();
    expect(log.info).toHaveBeenCalledExactlyOnceWith({ check: file }, 'a health check recovered');
  });
  it('waits for as many failures as the threshold says', async () => {
    const folder = await temporaryFolder();
    const { health } = started(`{ file: [{ file: ${folder}, interval: 100ms, threshold: 3 }] }`);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(health.down).toBeUndefined();
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
  });
  it('asks a server by HEAD with the headers, and wants the status', async () => {
    const seen = vi.fn();
    let status = 204;
    const port = await listen(
      createHttpServer((req, res) => {
        seen(req.method, req.url, req.headers['x-probe']);
        res.writeHead(status).end();
      }),
    );
    const uri = `http://127.0.0.1:${port}/ready?token=x`;
    const { health } = started(
      `{ http: [{ uri: "${uri}", statuscode: 204, interval: 100ms, headers: { X-Probe: [berth] } }] }`,
    );
    await expect.poll(() => seen.mock.calls[0]).toEqual(['HEAD', '/ready?token=x', 'berth']);
    expect(health.down).toBeUndefined();
    status = 500;
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
    expect(health.status()).toEqual({ [`http://127.0.0.1:${port}/ready`]: 'answered 500 instead of 204' });
  });
  it('does not wait longer for a server than its timeout', async () => {
    const port = await listen(createHttpServer(() => {}));
    const { health } = started(`{ http: [{ uri: "http://127.0.0.1:${port}/", timeout: 50ms }] }`);
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
  });
  it('sends the password of a URL, and does not show it', async () => {
    const seen = vi.fn();
    const server = createHttpServer((req, res) => {
      seen(req.headers.authorization);
      res.writeHead(500).end();
    });
    const port = await listen(server);
    const { health } = started(`{ http: [{ uri: "http://user:sword%66ish@127.0.0.1:${port}/" }] }`);
    await expect.poll(() => health.down).toBe(OUT_OF_SERVICE);
    expect(seen).toHaveBeenCalledWith(`Basic ${Buffer.from('user:swordfish').toString('base64')}`);
    expect(JSON.stringify(health.status())).not.toMatch(/sword/);
  });
  it('wants a server to accept connections', async () => {
    const server = createServer();
    const port = await listen(server);
    const { health } = started(`{ tcp: [{ addr: "127.0.0.1:${port}", interval: 100ms }] }`);
    await expect.poll(() => health.status()).toEqual({});
    server.close();
    const key = `127.0.0.1:${port}`;
    await expect.poll(() => health.status()[key]).toBe(`connect ECONNREFUSED ${key}`);
  });
});
