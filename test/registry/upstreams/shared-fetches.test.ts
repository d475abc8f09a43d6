import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalLocks } from '../../../src/locks/index.js';
import { GrowingFile } from '../../../src/registry/upstreams/growing-file.js';
import { FollowedFetch, type Lease, SharedFetches } from '../../../src/registry/upstreams/shared-fetches.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const SIGNAL = new AbortController().signal;

let folder: TemporaryFolder;
let fetches: SharedFetches;

beforeEach(async () => {
  folder = await temporaryFolder();
  fetches = new SharedFetches(new LocalLocks(), folder.path, { patienceMs: 300 });
});
afterEach(() => folder[Symbol.asyncDispose]());

async function lead(what = 'a'): Promise<Lease> {
  const { lease } = await fetches.join(what, SIGNAL);
  if (lease === undefined) throw new Error('somebody else fetches it');
  return lease;
}

async function follow(what = 'a'): Promise<FollowedFetch> {
  const { followed } = await fetches.join(what, SIGNAL);
  if (followed === undefined) throw new Error('nobody is seen to fetch it');
  return followed;
}

async function textOf(followed: FollowedFetch): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of followed.bytes(SIGNAL)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('what several processes want to fetch', () => {
  it('is fetched by the first, and followed by the others while it comes', async () => {
    const lease = await lead();
    const file = await GrowingFile.create(folder.path, lease.fileName(10));
    await file.append(Buffer.from('hello'));
    await using followed = await follow();
    expect(followed.size).toBe(10);
    const text = textOf(followed);
    await file.append(Buffer.from('world'));
    await file.end();
    lease[Symbol.dispose]();
    expect([await text, followed.isRight]).toEqual(['helloworld', true]);
    expect(await readdir(folder.path)).toEqual([]);
    (await lead())[Symbol.dispose]();
  });

  it('comes in one piece in turn, and nobody who is stuck is waited for', async () => {
    fetches = new SharedFetches(new LocalLocks(), folder.path, { stallMs: 600 });
    const done: string[] = [];
    const stuck = Promise.withResolvers<void>();
    const first = fetches.inTurn('a', () => stuck.promise);
    const second = fetches.inTurn('a', async () => done.push('second'));
    await fetches.inTurn('b', async () => done.push('of another'));
    await second;
    expect(done).toEqual(['of another', 'second']);
    stuck.resolve();
    await first;
  });

  it('may have no size', async () => {
    const file = await GrowingFile.create(folder.path, (await lead()).fileName(undefined));
    await using followed = await follow();
    expect(followed.size).toBeUndefined();
    await file.fail(new Error('for this test'));
  });

  it('is not right where the first has failed', async () => {
    const lease = await lead();
    const file = await GrowingFile.create(folder.path, lease.fileName(10));
    await file.append(Buffer.from('hello'));
    await using followed = await follow();
    await file.fail(new Error('for this test'));
    lease[Symbol.dispose]();
    expect([await textOf(followed), followed.isRight]).toEqual(['hello', false]);
    // Whoever follows goes on alone.
    expect(await fetches.join('a', SIGNAL)).toEqual({});
  });

  it('is waited for by nobody once the first has failed, though one of those who followed goes on', async () => {
    const patient = new SharedFetches(new LocalLocks(), folder.path, { stallMs: 60_000 });
    const { lease } = await patient.join('a', SIGNAL);
    const file = await GrowingFile.create(folder.path, lease?.fileName(10));
    await file.append(Buffer.from('hello'));
    const { followed: next } = await patient.join('a', SIGNAL);
    const { followed: other } = await patient.join('a', SIGNAL);
    await using followed = new AsyncDisposableStack();
    followed.use(next);
    followed.use(other);
    await file.fail(new Error('for this test'));
    lease?.[Symbol.dispose]();
    for (const each of [next, other]) expect(each && (await textOf(each))).toBe('hello');
    expect([next?.isRight, other?.isRight]).toEqual([false, false]);
  });

  it('is followed also while no locks can be had', async () => {
    const locks = new LocalLocks();
    const others = new SharedFetches(locks, folder.path);
    const { lease } = await others.join('a', SIGNAL);
    const file = await GrowingFile.create(folder.path, lease?.fileName(10));
    await file.append(Buffer.from('hello'));
    const { followed } = await others.join('a', SIGNAL);
    const asked = vi.spyOn(locks, 'tryAcquire').mockRejectedValue(new Error('for this test'));
    const text = followed && textOf(followed);
    await vi.waitFor(() => expect(asked).toHaveBeenCalled());
    await file.append(Buffer.from('world'));
    await file.end();
    expect([await text, followed?.isRight]).toEqual(['helloworld', true]);
    await followed?.[Symbol.asyncDispose]();
  });

  it('is not right where its file cannot be read any more', async () => {
    const path = join(folder.path, 'file');
    await writeFile(path, 'hello');
    const file = await open(path);
    const followed = new FollowedFetch(file, {
      size: 10,
      tryLease: () => Promise.resolve(undefined),
      stallMs: 60_000,
      storingMs: 60_000,
    });
    const chunks = followed.bytes(SIGNAL);
    await chunks.next();
    await file.close();
    expect([await chunks.next(), followed.isRight]).toEqual([{ done: true, value: undefined }, false]);
  });

  it('is waited for no longer where it stands still', async () => {
    fetches = new SharedFetches(new LocalLocks(), folder.path, { stallMs: 600 });
    const file = await GrowingFile.create(folder.path, (await lead()).fileName(10));
    await file.append(Buffer.from('hello'));
    await using followed = await follow();
    expect([await textOf(followed), followed.isRight]).toEqual(['hello', false]);
    await file.fail(new Error('for this test'));
  });

  it('is waited for longer once all has come, until it is stored', async () => {
    fetches = new SharedFetches(new LocalLocks(), folder.path, { stallMs: 600 });
    const lease = await lead();
    const file = await GrowingFile.create(folder.path, lease.fileName(5));
    await file.append(Buffer.from('hello'));
    await using followed = await follow();
    const text = textOf(followed);
    await sleep(1000);
    await file.end();
    lease[Symbol.dispose]();
    expect([await text, followed.isRight]).toEqual(['hello', true]);
  });

  it('is waited for no longer where nothing of it is seen', async () => {
    await using elsewhere = await temporaryFolder();
    const locks = new LocalLocks();
    fetches = new SharedFetches(locks, elsewhere.path);
    using _elsewhere = await lead();
    fetches = new SharedFetches(locks, folder.path, { patienceMs: 300 });
    expect(await fetches.join('a', SIGNAL)).toEqual({});
    using _other = await lead('b');
  });

  it('is waited for longer where it was asked for, until it begins to come', async () => {
    const lease = await lead();
    const following = follow();
    await sleep(1000);
    const file = await GrowingFile.create(folder.path, lease.fileName(10));
    await using followed = await following;
    expect(followed.size).toBe(10);
    await file.fail(new Error('for this test'));
    lease[Symbol.dispose]();
  });

  it('is waited for no longer where it was asked for and does not come', async () => {
    fetches = new SharedFetches(new LocalLocks(), folder.path, { patienceMs: 60_000, stallMs: 300 });
    using _stuck = await lead();
    expect(await fetches.join('a', SIGNAL)).toEqual({});
  });

  it('leaves nothing for long after a kill', async () => {
    const other = join(folder.path, 'pull-other');
    const left = (await lead()).fileName(10);
    const [mine, killed] = [join(folder.path, left), join(folder.path, (await lead('b')).fileName(5))];
    for (const path of [other, mine, killed]) await writeFile(path, 'x');
    const afterwards = new SharedFetches(new LocalLocks(), folder.path);
    await fetches.tidy();
    expect((await readdir(folder.path)).length).toBe(5);
    await afterwards.tidy();
    expect(await readdir(folder.path)).toEqual(['pull-other']);
  });
});
