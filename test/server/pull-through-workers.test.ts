import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { openHttp } from '../support/http.js';
import { PostgresServer } from '../support/postgres-server.js';
import { filesBelow, holdHalfway, imageWith, manifestOf } from '../support/pull-through.js';
import { pushImage, sha256 } from '../support/push.js';
import { RecordingProxy } from '../support/recording-proxy.js';
import { temporaryFolder } from '../support/temporary-folder.js';

let upstream: BerthProcess;
let layer: Buffer;

beforeAll(async () => {
  upstream = await BerthProcess.start();
  layer = randomBytes(4 * 1024 * 1024);
  await pushImage(upstream.url, 'team/large', 'v1', imageWith(layer));
});

afterAll(() => upstream?.[Symbol.asyncDispose]());

async function startWorkers(url: string): Promise<BerthProcess> {
  const upstreams = [{ prefix: 'mirror', url }];
  const berth = await BerthProcess.start({ config: { berth: { workers: 2, upstreams } } });
  while (!berth.output.includes('msg=listening')) await sleep(50); // both
  return berth;
}

/** A download of the layer, of which the first bytes have come. */
class Download {
  readonly #chunks: Buffer[];
  readonly #answer: IncomingMessage;
  readonly whole: Promise<Buffer | 'cut'>;

  private constructor(answer: IncomingMessage, begun: Buffer) {
    this.#answer = answer;
    this.#chunks = [begun];
    answer.on('data', (chunk) => this.#chunks.push(chunk));
    const ended = once(answer, 'end').then(() => Buffer.concat(this.#chunks));
    this.whole = ended.catch(() => 'cut' as const);
  }

  static async start({ url }: BerthProcess): Promise<Download> {
    const answer = await openHttp(`${url}/v2/mirror/team/large/blobs/${sha256(layer)}`);
    const [begun] = await once(answer, 'data');
    return new Download(answer, begun);
  }

  get length(): string | undefined {
    return this.#answer.headers['content-length'];
  }
}

/** Of requests for the layer, in their order. */
function rangesAskedOf(proxy: RecordingProxy): (string | undefined)[] {
  const ranges: (string | undefined)[] = [];
  proxy.intercept = ({ url = '', headers }) => {
    if (url.includes(sha256(layer))) ranges.push(headers.range);
    return false;
  };
  return ranges;
}

/** Which workers have what comes open, by a name: the one that fetches, and those that follow. */
async function busyWorkers({ pid, root }: BerthProcess): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const busy: number[] = [];
  for (const child of children.split(' ').filter(Boolean)) {
    const numbers = await readdir(`/proc/${child}/fd`);
    const files = await Promise.all(numbers.map((fd) => readlink(`/proc/${child}/fd/${fd}`).catch(() => '')));
    const isNamed = (file: string) => file.startsWith(join(root, 'berth/tmp/pull-')) && !file.includes(' ');
    if (files.some(isNamed)) busy.push(Number(child));
  }
  return busy;
}

/** Connections are handed out in turn, but not to a worker that is slow. */
async function startOnBoth(berth: BerthProcess): Promise<Download[]> {
  const downloads: Download[] = [];
  while ((await busyWorkers(berth)).length < 2) downloads.push(await Download.start(berth));
  return downloads;
}

/** Readers may have all of a file before it is gone. */
async function untilNothingIsLeft({ root }: BerthProcess): Promise<void> {
  while ((await filesBelow(join(root, 'berth/tmp'))).length > 0) await sleep(20);
}

describe.concurrent('workers that are asked for the same blob of another registry', () => {
  it.each([{ withoutLength: false }, { withoutLength: true }])(
    'fetch it once, and all send it while it comes (without a length: $withoutLength)',
    async (each) => {
      await using proxy = await RecordingProxy.start(upstream.url);
      proxy.withoutLength = each.withoutLength;
      await using berth = await startWorkers(proxy.url);
      const { goOn } = holdHalfway(proxy, layer);
      const downloads = await Promise.all(Array.from({ length: 8 }, () => Download.start(berth)));
      const lengths = new Set(downloads.map(({ length }) => length));
      expect([...lengths]).toEqual([each.withoutLength ? undefined : String(layer.length)]);
      goOn();
      for (const { whole } of downloads) expect(layer.equals((await whole) as Buffer)).toBe(true);
      expect(proxy.count(/GET .*\/blobs\//)).toBe(1);
      await untilNothingIsLeft(berth);
    },
  );

  it('go on for one that is killed, where it was', async () => {
    await using proxy = await RecordingProxy.start(upstream.url);
    await using berth = await startWorkers(proxy.url);
    const ranges = rangesAskedOf(proxy);
    const { goOn } = holdHalfway(proxy, layer);
    const first = await Download.start(berth);
    const [fetcher] = await busyWorkers(berth);
    if (fetcher === undefined) throw new Error('no worker fetches it');
    const others = await startOnBoth(berth);
    process.kill(fetcher, 'SIGKILL');
    expect(await first.whole).toBe('cut');
    goOn();
    const outcomes = await Promise.all(others.map(({ whole }) => whole));
    const whole = outcomes.filter((outcome) => outcome !== 'cut');
    expect(whole.length, berth.output).toBeGreaterThanOrEqual(1);
    for (const bytes of whole) expect(bytes.equals(layer)).toBe(true);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    const again = await Download.start(berth);
    expect(layer.equals((await again.whole) as Buffer)).toBe(true);
    expect(ranges.length).toBe(2);
    await untilNothingIsLeft(berth);
  });
});

describe.concurrent('workers that are asked for the same manifest of another registry', () => {
  it('fetch it once', async () => {
    await using proxy = await RecordingProxy.start(upstream.url);
    await using berth = await startWorkers(proxy.url);
    const asked = Promise.withResolvers<void>();
    proxy.change = async (chunk) => {
      await asked.promise;
      return chunk;
    };
    const answers = Array.from({ length: 8 }, () => manifestOf(berth, 'mirror/team/large', 'v1'));
    await sleep(1000); // all workers have the question by then
    asked.resolve();
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    expect(proxy.count(/GET .*\/manifests\//)).toBe(1);
  });
});

describe.concurrent('servers that are asked for the same blob of another registry', () => {
  it('fetch it once where they have a folder in common', async () => {
    await using postgres = await PostgresServer.start();
    await using folder = await temporaryFolder();
    await using proxy = await RecordingProxy.start(upstream.url);
    const upstreams = [{ prefix: 'mirror', url: proxy.url }];
    const index = { postgresql: { url: postgres.url() } };
    const options = { root: folder.path, config: { berth: { upstreams, index } } };
    await using one = await BerthProcess.start(options);
    await using two = await BerthProcess.start(options);
    const { goOn } = holdHalfway(proxy, layer);
    const downloads = await Promise.all([one, two, one, two].map((berth) => Download.start(berth)));
    goOn();
    for (const { whole } of downloads) expect(layer.equals((await whole) as Buffer)).toBe(true);
    expect(proxy.count(/GET .*\/blobs\//)).toBe(1);
  });
});
