import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CuttingProxy } from '../client/cutting-proxy.js';
import { BerthProcess } from '../support/berth-process.js';
import { http, openHttp } from '../support/http.js';
import { createAuthority } from '../support/private-authority.js';
import { blobOf, filesBelow, holdHalfway, imageWith, pull, startWith } from '../support/pull-through.js';
import { pushImage, sha256, type TestImage } from '../support/push.js';
import { RecordingProxy } from '../support/recording-proxy.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const STEP = 512 * 1024;

let upstream: BerthProcess;
let layer: Buffer;
let image: TestImage;

beforeAll(async () => {
  upstream = await BerthProcess.start();
  layer = randomBytes(8 * STEP);
  image = imageWith(layer);
  await pushImage(upstream.url, 'team/large', 'v1', image);
});

afterAll(() => upstream?.[Symbol.asyncDispose]());

async function chunked(target = upstream.url): Promise<RecordingProxy> {
  const proxy = await RecordingProxy.start(target);
  proxy.withoutLength = true;
  return proxy;
}

/** Its blobs have no end. */
class EndlessRegistry implements AsyncDisposable {
  readonly #server: Server;
  readonly #asked = Promise.withResolvers<void>();
  readonly #left = Promise.withResolvers<void>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', ({ url }, response) => {
      if (!url?.includes('/blobs/')) return void response.end();
      response.once('close', this.#left.resolve);
      this.#asked.resolve();
      const parts = function* () {
        for (;;) yield layer;
      };
      Readable.from(parts()).pipe(response);
    });
  }

  static async start(): Promise<EndlessRegistry> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new EndlessRegistry(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Once somebody has begun to read one. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Once nobody reads it any more. */
  get left(): Promise<void> {
    return this.#left.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe.concurrent('a registry that does not say how long anything is', () => {
  it('is copied like any other', async () => {
    await using proxy = await chunked();
    await using berth = await startWith(proxy.url);
    await pull(berth, 'mirror/team/large', image);
    const asked = proxy.requests.length;
    await pull(berth, 'mirror/team/large', image);
    expect(proxy.requests.slice(asked).filter((each) => each.includes('/blobs/'))).toEqual([]);
  });

  it('is sent on while it arrives, and once for all', async () => {
    await using proxy = await chunked();
    await using berth = await startWith(proxy.url);
    const { goOn } = holdHalfway(proxy, layer);
    const url = `${berth.url}/v2/mirror/team/large/blobs/${sha256(layer)}`;
    const first = await openHttp(url);
    expect(first.headers['content-length']).toBeUndefined();
    const [begun] = await once(first, 'data');
    const chunks = [begun];
    first.on('data', (chunk) => chunks.push(chunk));
    const others = Array.from({ length: 5 }, () => http(url));
    const rest = http(url, { headers: { range: `bytes=${3 * STEP}-` } });
    goOn();
    for (const { body } of await Promise.all(others)) expect(body.equals(layer)).toBe(true);
    if (!first.readableEnded) await once(first, 'end');
    expect(Buffer.concat(chunks).equals(layer)).toBe(true);
    const { status, headers, body } = await rest;
    expect([status, headers['content-range']]).toEqual([
      206,
      `bytes ${3 * STEP}-${layer.length - 1}/${layer.length}`,
    ]);
    expect(body.equals(layer.subarray(3 * STEP))).toBe(true);
    expect(proxy.count(/GET .*\/blobs\//)).toBe(1);
  });

  it('can be asked for what it does not say', async () => {
    await using proxy = await chunked();
    await using berth = await startWith(proxy.url);
    const [config = Buffer.alloc(0)] = image.blobs;
    const url = `${berth.url}/v2/mirror/team/large/blobs/${sha256(config)}`;
    const looked = await http(url, { method: 'HEAD' });
    expect([looked.status, looked.headers['content-length']]).toEqual([200, undefined]);
    expect(looked.headers['docker-content-digest']).toBe(sha256(config));
    const short = await http(url);
    expect([short.status, short.headers['content-length']]).toEqual([200, String(config.length)]);
    expect((await http(url, { method: 'HEAD' })).headers['content-length']).toBe(String(config.length));
    const absent = `${berth.url}/v2/mirror/team/large/blobs/${sha256(Buffer.from('nothing'))}`;
    for (const method of ['HEAD', 'GET']) expect((await http(absent, { method })).status).toBe(404);
  });

  it('goes on where it was when connections to it drop', async () => {
    await using inner = await chunked();
    await using cutting = await CuttingProxy.start(Number(new URL(inner.url).port));
    await using berth = await startWith(`http://127.0.0.1:${cutting.port}`);
    cutting.cuts.push(3 * STEP, 2 * STEP);
    expect((await blobOf(berth, 'mirror/team/large', layer)).body.equals(layer)).toBe(true);
    expect(inner.count(/GET .*\/blobs\//)).toBe(3);
  });

  it('is read no longer than somebody waits, since it may have no end', async ({ expect }) => {
    await using endless = await EndlessRegistry.start();
    await using berth = await startWith(endless.url);
    const url = `${berth.url}/v2/mirror/team/large/blobs/${sha256(layer)}`;
    const [first, second] = [await openHttp(url), await openHttp(url)];
    await once(first, 'data');
    first.destroy();
    await once(second, 'data');
    second.destroy();
    await endless.left;
    await expect.poll(() => berth.output).toContain('nobody waits for it any more');
  });

  it('is read no longer than somebody waits for a part of it', async ({ expect }) => {
    await using endless = await EndlessRegistry.start();
    await using berth = await startWith(endless.url);
    const path = `/v2/mirror/team/large/blobs/${sha256(layer)}`;
    const asking = request(berth.url + path, { headers: { range: 'bytes=0-9' } }).on('error', () => {});
    asking.end();
    await endless.asked;
    asking.destroy();
    await endless.left;
    await expect.poll(() => berth.output).toContain('nobody waits for it any more');
  });

  it('does not complete an answer with what is wrong, and nothing of that is kept', async () => {
    await using proxy = await chunked();
    spoilEnd(proxy);
    await using berth = await startWith(proxy.url);
    await expect(blobOf(berth, 'mirror/team/large', layer)).rejects.toThrow(/aborted|reset|hang up/);
    expect(await filesBelow(join(berth.root, 'docker/registry/v2/blobs'))).toEqual([]);
  });

  it('does not complete it over HTTP/2 either, where an answer ends with its stream', async () => {
    await using folder = await temporaryFolder();
    const { tls, ca } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    await using proxy = await chunked();
    spoilEnd(proxy);
    const upstreams = [{ prefix: 'mirror', url: proxy.url }];
    await using berth = await BerthProcess.start({
      tls: true,
      config: { http: { tls }, berth: { upstreams } },
    });
    const session = connect(berth.url, { ca });
    const answer = session.request({ ':path': `/v2/mirror/team/large/blobs/${sha256(layer)}` });
    await expect(buffer(answer)).rejects.toThrow('NGHTTP2_INTERNAL_ERROR');
    session.close();
  });
});

/** A byte of the end of the layer is missing. */
function spoilEnd(proxy: RecordingProxy): void {
  let passed = 0;
  proxy.change = (chunk, { url = '' }) => {
    if (url.includes(sha256(layer))) passed += chunk.length;
    return passed === layer.length ? chunk.subarray(1) : chunk;
  };
}

describe.concurrent('a blob that is larger than there is room for', () => {
  it.each([{ withoutLength: false }, { withoutLength: true }])(
    'is not kept (without a length: $withoutLength)',
    async ({ withoutLength }) => {
      await using proxy = await RecordingProxy.start(upstream.url);
      proxy.withoutLength = withoutLength;
      const quotas = [{ repositories: 'mirror/**', size: '1MiB' }];
      const upstreams = [{ prefix: 'mirror', url: proxy.url }];
      await using berth = await BerthProcess.start({ config: { berth: { upstreams, quotas } } });
      await expect(blobOf(berth, 'mirror/team/large', layer)).rejects.toThrow(/aborted|reset|hang up/);
      expect(await filesBelow(join(berth.root, 'docker/registry/v2/blobs'))).toEqual([]);
      const [config = Buffer.alloc(0)] = image.blobs;
      expect((await blobOf(berth, 'mirror/team/large', config)).status).toBe(200);
    },
  );
});
