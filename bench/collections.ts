import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientProcess } from './client-process.ts';
import type { Line } from './connection.ts';
import { type GarbageSizes, verifyCollected, writeGarbage } from './fixtures.ts';
import { measure, type Sample } from './measure.ts';
import {
  berth,
  configure,
  environment,
  RunningServer,
  reference,
  type ServerFolder,
  serverFolder,
} from './peers.ts';
import { memoryOf, untilQuiet } from './process-stats.ts';
import type { PushedImage } from './work.ts';

/** `directory` for one store at a time. */
export type Place = Readonly<{ directory: string; sizes: GarbageSizes }>;

/** Pushes rely on what is so young, in seconds. Longer than a push takes, and short enough to wait for it. */
const GRACE_SECONDS = 5;
/** How long pushes go on before a collection and after it, in milliseconds. */
const AROUND_MS = 8000;
const INDEXED_LIMIT_MS = 600_000;
/** docker-registry, which has none, ignores this. */
const NO_TRASH = 'berth:\n  trash:\n    keep: 0s\n';
const LOAD = { kind: 'images', repository: 'bench/pushed', layers: 3, bytes: 2 ** 20 } as const;

/** Who pushes. */
export type Load = Line & Readonly<{ clients: number }>;

/** `rate` of pushes while there is a collection, as a share of that without; `slowest` push likewise, as a multiple. */
export type Pushed = Readonly<{ rate: number; slowest: number }>;

/** `docker-registry garbage-collect`, which wants that nothing serves. */
export function collectWithReference(place: Place): Promise<Sample> {
  return withStore(place, async (folder) => {
    const argv = [reference().command, 'garbage-collect', '--delete-untagged', configure(folder)];
    return measure({ argv, env: environment() });
  });
}

/** `berth gc` on a store that no Berth has seen. */
export function collectUnknown(place: Place): Promise<Sample> {
  return withStore(place, collect);
}

/** `berth gc` while nothing serves a store that Berth has an index of. */
export function collectIndexed(place: Place): Promise<Sample> {
  return withStore(place, async (folder) => {
    const server = await RunningServer.start(berth(), folder);
    await untilIndexed(server);
    await server.stop();
    return collect(folder);
  });
}

/**
 * `berth gc` asks a server for it that takes pushes meanwhile. `collection` has the server's memory.
 * @param load each of the clients pushes images one after the other.
 */
export async function collectMeanwhile(
  place: Place,
  client: ClientProcess,
  load: Load,
): Promise<{ collection: Sample; pushed: Pushed }> {
  let span = { start: 0, end: 0 };
  let images: readonly PushedImage[] = [];
  const collection = await withStore(place, async (folder) => {
    const server = await RunningServer.start(berth(), folder);
    try {
      await untilIndexed(server);
      await sleep(GRACE_SECONDS * 1000);
      let sample: Sample | undefined;
      images = await client.pushMeanwhile({ ...LOAD, ...load, port: server.port }, async () => {
        await sleep(AROUND_MS);
        const start = Date.now();
        sample = await collect(folder);
        span = { start, end: Date.now() };
        await sleep(AROUND_MS);
      });
      if (sample === undefined) throw new Error('nothing was collected');
      return { ...sample, peakBytes: memoryOf(server.pid).peak };
    } finally {
      await server.stop();
    }
  });
  return { collection, pushed: compared(images, span) };
}

/** Until it has compared its index with the files: who only looks for quiet takes one that waits for a processor for done. */
async function untilIndexed({ pid, folder }: RunningServer): Promise<void> {
  const start = performance.now();
  while (!readFileSync(folder.log, 'utf8').includes('index checked against storage')) {
    if (performance.now() - start > INDEXED_LIMIT_MS) throw new Error('the store is not indexed in time');
    await sleep(100);
  }
  await untilQuiet(pid);
}

function compared(images: readonly PushedImage[], { start, end }: { start: number; end: number }): Pushed {
  const meanwhile = images.filter(({ at }) => at >= start && at < end);
  // Neither the first, in which code is compiled, nor those that end after the clients were told to.
  const around = images.filter(
    ({ at }) => (at >= start - AROUND_MS / 2 && at < start) || (at >= end && at < end + AROUND_MS),
  );
  const rate = meanwhile.length / (end - start);
  const slowest = (of: readonly PushedImage[]) => Math.max(...of.map(({ milliseconds }) => milliseconds));
  return { rate: rate / (around.length / (AROUND_MS * 1.5)), slowest: slowest(meanwhile) / slowest(around) };
}

function collect(folder: ServerFolder): Promise<Sample> {
  const grace = `${GRACE_SECONDS}s`;
  const argv = [berth().command, 'gc', '--untagged', '--grace', grace, '--config', configure(folder)];
  return measure({ argv, env: environment() });
}

/** @throws {Error} it was not exactly the garbage that is gone. */
async function withStore(
  { directory, sizes }: Place,
  work: (folder: ServerFolder) => Promise<Sample>,
): Promise<Sample> {
  const folder = serverFolder(path.join(directory, 'store'), { settings: NO_TRASH });
  try {
    const contents = writeGarbage(folder, sizes);
    execFileSync('sync', ['-f', directory]);
    await sleep(GRACE_SECONDS * 1000);
    const sample = await work(folder);
    verifyCollected(folder, contents);
    return sample;
  } finally {
    rmSync(path.join(directory, 'store'), { recursive: true, force: true });
  }
}
