import { describe, expect, it, vi } from 'vitest';
import { SqliteIndex } from '../../../src/index/index.js';
import { LocalLocks } from '../../../src/locks/index.js';
import { parseRepositoryName } from '../../../src/oci/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import { digest, openMemoryRegistry, pushBlob } from './memory-registry.js';

const a = parseRepositoryName('team/a');
const b = parseRepositoryName('team/b');
const other = parseRepositoryName('other');
const DENIED = expect.objectContaining({
  code: 'DENIED',
  message: expect.stringContaining('berth.quotas[0]'),
});

function open(bytes: number, shared: Parameters<typeof openMemoryRegistry>[0] = {}) {
  const matches = (name: string) => name.startsWith('team/');
  const quotas = [{ matches, prefixes: ['team/'], bytes, key: 'berth.quotas[0]' }];
  return openMemoryRegistry({ ...shared, quotas });
}

/** Lets blobs in once it is told to. */
class SlowIndex extends SqliteIndex {
  slow = false;
  readonly #begun = Promise.withResolvers<void>();
  readonly #waiting = Promise.withResolvers<void>();
  readonly reached = this.#begun.promise;
  readonly goOn = this.#waiting.resolve;

  override async putBlob(...args: Parameters<SqliteIndex['putBlob']>) {
    if (this.slow) {
      this.#begun.resolve();
      await this.#waiting.promise;
    }
    return super.putBlob(...args);
  }
}

describe('quotas', () => {
  it('count all repositories of a rule together, and others not', async () => {
    const registry = open(10);
    await pushBlob(registry, a, '1234');
    await pushBlob(registry, b, '567890');
    await expect(pushBlob(registry, a, 'x')).rejects.toEqual(DENIED);
    await expect(registry.blobs.checkRoom(b, digest('x'))).rejects.toEqual(DENIED);
    await pushBlob(registry, other, 'as much as it likes');
    await registry.blobs.checkRoom(other, digest('x'));
  });

  it('let a push fill the last byte, and nothing that is too large before that', async () => {
    const registry = open(10);
    await pushBlob(registry, a, '12345678');
    await registry.blobs.checkRoom(a, digest('123'));
    await expect(pushBlob(registry, a, '123')).rejects.toEqual(DENIED);
    await expect(registry.blobs.get(a, digest('123'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await pushBlob(registry, a, '12');
  });

  it('count what repositories share once, and what is there already not again', async () => {
    const registry = open(10);
    await pushBlob(registry, a, '12345678');
    await pushBlob(registry, b, '12345678');
    expect(await registry.blobs.mount(a, b, digest('12345678'))).toMatchObject({ size: 8 });
    await pushBlob(registry, b, '12');
    await pushBlob(registry, a, '12345678');
    await pushBlob(registry, other, 'elsewhere');
    await expect(registry.blobs.mount(other, a, digest('elsewhere'))).rejects.toEqual(DENIED);
  });

  it('ask only where a rule applies whether something is there already', async () => {
    const registry = open(10);
    const elsewhere = Array.from({ length: 120 }, (_, i) => parseRepositoryName(`other/${i}`));
    for (const repository of [...elsewhere, a, b]) await pushBlob(registry, repository, '1234567890');
    const asked = vi.spyOn(registry.index, 'repositoriesWithBlob');
    await pushBlob(registry, a, '1234567890');
    const answers = await Promise.all(asked.mock.results.map(({ value }) => value));
    expect(answers).toEqual([[a, b]]);
  });

  it('find what is there already behind many others that a rule might apply to', async () => {
    const matches = (name: string) => name.endsWith('/last');
    const registry = openMemoryRegistry({
      quotas: [{ matches, prefixes: ['other/', 'team/'], bytes: 10, key: 'berth.quotas[0]' }],
    });
    const last = parseRepositoryName('team/last');
    const others = Array.from({ length: 250 }, (_, i) => parseRepositoryName(`team/${i}`));
    for (const repository of [...others, last]) await pushBlob(registry, repository, '1234567890');
    await registry.blobs.checkRoom(last, digest('1234567890'));
    await expect(registry.blobs.checkRoom(last, digest('x'))).rejects.toEqual(DENIED);
  });

  it('refuse nothing that is there already when they are full, under whichever name', async () => {
    const registry = open(10);
    await pushBlob(registry, a, '1234567890');
    for (const repository of [a, b]) {
      for (const name of [digest('1234567890'), digest('1234567890', 'sha512')]) {
        await registry.blobs.checkRoom(repository, name);
        await pushBlob(registry, repository, '1234567890', name);
      }
    }
    await expect(registry.blobs.checkRoom(a, digest('new'))).rejects.toEqual(DENIED);
    expect(await registry.index.bytesIn([a, b])).toBe(10);
  });

  it('find what is there in any of very many repositories that have it', async () => {
    const registry = open(10);
    const text = '1234567890';
    const blob = { digest: digest(text), canonical: digest(text), size: 10, linkedAt: new Date(1000) };
    for (let i = 0; i < 1001; i += 1) await registry.index.putBlob(parseRepositoryName(`many/r${i}`), blob);
    await pushBlob(registry, a, text);
    await registry.blobs.checkRoom(b, digest(text));
    await pushBlob(registry, b, text);
  });

  it('count to the byte what comes at the same moment', async () => {
    const registry = open(100);
    await pushBlob(registry, a, 'counted');
    const texts = Array.from({ length: 12 }, (_, i) => String(i).padStart(10));
    const outcomes = await Promise.allSettled(
      texts.flatMap((text) => [pushBlob(registry, a, text), pushBlob(registry, b, text)]),
    );
    expect(await registry.index.bytesIn([a, b])).toBe(97);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(9);
  });

  it('have room for others while what is there is pushed again', async () => {
    const index = new SlowIndex(':memory:');
    const registry = open(10, { index });
    await pushBlob(registry, a, '12345678');
    index.slow = true;
    const again = pushBlob(registry, b, '12345678');
    await index.reached;
    const room = registry.blobs.checkRoom(a, digest('90'));
    index.goOn();
    await Promise.all([again, room]);
    await pushBlob(registry, a, '90');
  });

  it('hold over all processes that serve a registry, whoever pushes at the same moment', async () => {
    const shared = {
      driver: new MemoryDriver(),
      index: new SqliteIndex(':memory:'),
      locks: new LocalLocks(),
    };
    const [one, two] = [open(100, shared), open(100, shared)];
    await pushBlob(two, a, 'counted');
    for (let i = 0; i < 4; i += 1) await pushBlob(one, a, `${i} takes twenty bytes`.slice(0, 20));
    const last = Array.from({ length: 8 }, (_, i) => pushBlob(i % 2 ? one : two, a, `five${i}`));
    const outcomes = await Promise.allSettled(last);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2); // 7 + 4 * 20 + 2 * 5
    expect(await shared.index.bytesIn([a])).toBe(97);
  });

  it('notice what was removed', async () => {
    const registry = open(10);
    await pushBlob(registry, a, '1234567890');
    await expect(pushBlob(registry, a, 'new')).rejects.toEqual(DENIED);
    await registry.blobs.delete(a, digest('1234567890'));
    await pushBlob(registry, a, 'new');
  });
});
