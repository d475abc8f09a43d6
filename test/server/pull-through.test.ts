import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CuttingProxy } from '../client/cutting-proxy.js';
import { BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { freePort } from '../support/free-port.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { http, openHttp } from '../support/http.js';
import { PostgresServer } from '../support/postgres-server.js';
import {
  ANY,
  blobOf,
  filesBelow,
  holdHalfway,
  imageWith,
  manifestOf,
  pull,
  startWith,
} from '../support/pull-through.js';
import { basic, pushImage, sha256, type TestImage, testImage } from '../support/push.js';
import { pushInTwo } from '../support/push-in-two.js';
import { RecordingProxy } from '../support/recording-proxy.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const STEP = 512 * 1024;

let reference: DebianRegistry;
let small: TestImage;
/** Its layer is long enough to be sent while it arrives. */
let large: TestImage;
let layer: Buffer;

beforeAll(async () => {
  reference = await DebianRegistry.start();
  small = testImage('small');
  layer = randomBytes(8 * STEP);
  large = imageWith(layer);
  await pushInTwo(reference.url, 'team/app', 'v1', small);
  await pushInTwo(reference.url, 'team/large', 'v1', large);
});

afterAll(() => reference?.[Symbol.asyncDispose]());

describe.concurrent('a registry that is a copy of another one, as proxy.remoteurl says', () => {
  it('fills itself as it is asked, goes on without the other, and takes no pushes', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    const debug = `127.0.0.1:${await freePort()}`;
    const listen = { addr: '127.0.0.1:0', debug: { addr: debug, prometheus: { enabled: true } } };
    await using berth = await BerthProcess.start({
      config: { http: listen, proxy: { remoteurl: proxy.url } },
    });
    await pull(berth, 'team/app', small);
    await pull(berth, 'team/large', large);
    expect((await manifestOf(berth, 'team/app', 'v2')).status).toBe(404);
    expect((await blobOf(berth, 'team/app', Buffer.from('nothing'))).status).toBe(404);
    const pushed = await http(`${berth.url}/v2/team/new/blobs/uploads/`, { method: 'POST' });
    expect(pushed.status).toBe(405);
    expect(JSON.parse(pushed.body.toString()).errors[0].code).toBe('UNSUPPORTED');
    const deleted = `${berth.url}/v2/team/app/manifests/${small.digest}`;
    expect((await http(deleted, { method: 'DELETE' })).status).toBe(405);

    const before = proxy.requests.length;
    await pull(berth, 'team/large', large);
    expect(proxy.requests.slice(before)).toEqual(['HEAD /v2/team/large/manifests/v1']);
    const metrics = (await http(`http://${debug}/metrics`)).body.toString();
    expect(metrics).toContain('registry_proxy_requests_total{type="blob"} 6');
    expect(metrics).toContain('registry_proxy_hits_total{type="blob"} 2');
    expect(metrics).toContain('registry_proxy_misses_total{type="blob"} 4');
    expect(metrics).toContain(
      `registry_proxy_pulled_bytes_total{type="manifest"} ${small.manifest.length + large.manifest.length}`,
    );
    await proxy[Symbol.asyncDispose]();
    await pull(berth, 'team/app', small);
    const stale = await manifestOf(berth, 'team/app', 'v1');
    expect(stale.headers.warning).toMatch(
      /^299 - ".* does not answer now: v1 may name something newer there"$/,
    );
    expect((await manifestOf(berth, 'team/app', small.digest)).headers.warning).toBeUndefined();
    const absent = await manifestOf(berth, 'team/other', 'v1');
    expect(absent.status).toBe(503);
    expect(absent.headers['retry-after']).toBe('15');
  });
});

describe.concurrent('proxy.exec', () => {
  it('names a program that knows the credentials', async () => {
    await using folder = await temporaryFolder('pull-through');
    const htpasswd = join(folder.path, 'htpasswd');
    await writeHtpasswd(htpasswd, { mirror: 'secret' });
    await using up = await BerthProcess.start({
      config: { auth: { htpasswd: { realm: 'r', path: htpasswd } } },
    });
    await pushImage(up.url, 'team/app', 'v1', small, {
      headers: { authorization: basic('mirror', 'secret') },
    });
    const script = '#!/bin/sh\ncat > "$0.asked"\necho \'{"Username":"mirror","Secret":"secret"}\'\n';
    const helper = join(folder.path, 'docker-credential-test');
    await writeFile(helper, script, { mode: 0o755 });
    await using berth = await BerthProcess.start({
      config: { proxy: { remoteurl: up.url, exec: { command: 'docker-credential-test', lifetime: '1h' } } },
      env: { PATH: `${folder.path}:${process.env.PATH}` },
    });
    await pull(berth, 'team/app', small);
    expect(await readFile(`${helper}.asked`, 'utf8')).toBe(up.url);
  });
});

describe.concurrent('the data of docker-registry as a copy of another one', () => {
  it('is taken over, and what was pushed before stays', async () => {
    await using folder = await temporaryFolder('pull-through');
    await using up = await BerthProcess.start();
    await pushImage(up.url, 'team/app', 'v1', small);
    const root = join(folder.path, 'data');
    {
      await using own = await DebianRegistry.start({ root });
      await pushInTwo(own.url, 'own/app', 'v1', small);
    }
    {
      await using old = await DebianRegistry.start({ root, config: { proxy: { remoteurl: up.url } } });
      await pull(old, 'team/app', small);
      while (!existsSync(join(root, 'scheduler-state.json'))) await sleep(200);
    }
    await using berth = await BerthProcess.start({ root, config: { proxy: { remoteurl: up.url } } });
    const answer = await manifestOf(berth, 'own/app', 'v1');
    expect([answer.status, answer.headers.warning]).toEqual([200, undefined]);
    await pull(berth, 'team/app', small);
    const repositories = join(root, 'docker/registry/v2/repositories');
    expect(existsSync(join(repositories, 'team/app/_upstream'))).toBe(true);
    expect(existsSync(join(repositories, 'own/app/_upstream'))).toBe(false);
  });
});

describe.concurrent('a part of a registry that is a copy of another one', () => {
  it('stands beside what is pushed, under its prefix and the name that containerd has for it', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    await pull(berth, 'mirror/team/app', small);
    const own = testImage('own');
    await pushImage(berth.url, 'team/app', 'v1', own);
    await pull(berth, 'team/app', own);

    const before = proxy.requests.length;
    const named = await http(`${berth.url}/v2/team/app/manifests/v1?ns=up.example`, { headers: ANY });
    expect(sha256(named.body)).toBe(small.digest);
    expect(named.headers['oci-namespace']).toBe('up.example');
    const elsewhere = await http(`${berth.url}/v2/team/app/manifests/v1?ns=other.example`, { headers: ANY });
    expect(sha256(elsewhere.body)).toBe(own.digest);
    expect(proxy.requests.slice(before)).toEqual(['HEAD /v2/team/app/manifests/v1']);
    const pushed = await http(`${berth.url}/v2/team/app/blobs/uploads/?ns=up.example`, { method: 'POST' });
    expect(pushed.status).toBe(405);
  });

  it('may lie within another one, and be of a whole registry', async () => {
    await using up = await BerthProcess.start();
    const inner = testImage('inner');
    await pushImage(up.url, 'app', 'v1', inner);
    const upstreams = [{ url: reference.url }, { prefix: 'team', url: up.url }];
    await using berth = await BerthProcess.start({ config: { berth: { upstreams } } });
    await pull(berth, 'team/app', inner);
    await pushInTwo(reference.url, 'other/app', 'v1', small);
    await pull(berth, 'other/app', small);
  });

  it('is read once for any number of clients, who get it while it arrives', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    const { goOn } = holdHalfway(proxy, layer);
    const url = `${berth.url}/v2/mirror/team/large/blobs/${sha256(layer)}`;
    const first = await openHttp(url);
    const [begun] = await once(first, 'data');
    expect(begun.length).toBeGreaterThan(0);
    const chunks = [begun];
    first.on('data', (chunk) => chunks.push(chunk));
    const resumed = http(url, { headers: { range: `bytes=${3 * STEP}-` } });
    const others = Array.from({ length: 20 }, () => http(url));
    await sleep(300);
    goOn();
    for (const { status, body } of await Promise.all(others))
      expect([status, sha256(body)]).toEqual([200, sha256(layer)]);
    if (!first.readableEnded) await once(first, 'end');
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(layer));
    const { status, headers, body } = await resumed;
    expect(status).toBe(206);
    expect(headers['content-range']).toBe(`bytes ${3 * STEP}-${layer.length - 1}/${layer.length}`);
    expect(body.equals(layer.subarray(3 * STEP))).toBe(true);
    expect(proxy.count(/GET .*\/blobs\//)).toBe(1);

    await Promise.all(Array.from({ length: 10 }, () => manifestOf(berth, 'mirror/team/app', 'v1')));
    expect(proxy.count(/(GET|HEAD) .*\/manifests\//)).toBe(1);
  });

  it('is not read again for what another copy of it has, where a manifest names that', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    await pull(berth, 'mirror/team/large', large);
    await pushInTwo(reference.url, 'team/other', 'v1', large);
    const unnamed = await blobOf(berth, 'mirror/team/unnamed', layer);
    expect(unnamed.status).toBe(404);
    await pull(berth, 'mirror/team/other', large);
    expect(proxy.count(/GET \/v2\/team\/other\/blobs\//)).toBe(0);
    expect(proxy.count(new RegExp(`GET .*/blobs/${sha256(layer)}`))).toBe(2);
  });

  it('is read on for a client that hangs up, which is no error', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    const { goOn } = holdHalfway(proxy, layer);
    const answer = await openHttp(`${berth.url}/v2/mirror/team/large/blobs/${sha256(layer)}`);
    await once(answer, 'data');
    answer.on('error', () => {});
    answer.socket.resetAndDestroy();
    await sleep(200);
    goOn();
    while (!berth.output.includes('blob fetched')) await sleep(50);
    expect(berth.output).not.toContain('level=error');
    await blobOf(berth, 'mirror/team/large', layer);
    expect(proxy.count(/GET .*\/blobs\//)).toBe(1);
  });

  it('goes on where it was when connections to the other registry drop', async () => {
    await using cutting = await CuttingProxy.start(Number(new URL(reference.url).port));
    await using proxy = await RecordingProxy.start(`http://127.0.0.1:${cutting.port}`);
    await using berth = await startWith(proxy.url);
    cutting.cuts.push(3 * STEP, 2 * STEP);
    const { body } = await blobOf(berth, 'mirror/team/large', layer);
    expect(sha256(body)).toBe(sha256(layer));
    expect(proxy.count(/GET .*\/blobs\//)).toBe(3);
    expect(cutting.cuts).toEqual([]);
  });

  it('keeps nothing that is wrong, and never completes an answer with it', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    let at = 0;
    proxy.change = (chunk, { url = '' }) => {
      if (!url.includes(sha256(layer))) return chunk;
      const wrong = Buffer.from(chunk);
      if (at === 0) wrong[0] = (wrong[0] ?? 0) ^ 1;
      at += chunk.length;
      return wrong;
    };
    await expect(blobOf(berth, 'mirror/team/large', layer)).rejects.toThrow(/aborted|reset|hang up/);
    expect(await filesBelow(join(berth.root, 'docker/registry/v2/blobs'))).toEqual([]);
    proxy.change = (chunk) => chunk;
    expect(sha256((await blobOf(berth, 'mirror/team/large', layer)).body)).toBe(sha256(layer));

    // What is short is answered once it is known to be wrong.
    const [config = Buffer.alloc(0)] = small.blobs;
    proxy.change = (chunk, { url = '' }) =>
      url.includes('/blobs/') ? Buffer.alloc(chunk.length, 'x') : chunk;
    const short = await blobOf(berth, 'mirror/team/app', config);
    expect(short.status).toBe(502);
    expect(JSON.parse(short.body.toString()).errors[0].code).toBe('UNAVAILABLE');
    proxy.change = () => Buffer.from('<html>'.padEnd(small.manifest.length));
    expect((await manifestOf(berth, 'mirror/team/app', 'v1')).status).toBe(502);
    proxy.change = (chunk) => chunk;
    await pull(berth, 'mirror/team/app', small);
  });

  it('shows what it has when the other registry has had enough, and leaves it alone for as long', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    await pull(berth, 'mirror/team/app', small);
    proxy.intercept = (_incoming, outgoing) => {
      outgoing.writeHead(429, { 'retry-after': '60' }).end();
      return true;
    };
    const before = proxy.requests.length;
    for (let i = 0; i < 3; i++) {
      const stale = await manifestOf(berth, 'mirror/team/app', 'v1');
      expect([stale.status, sha256(stale.body)]).toEqual([200, small.digest]);
      expect(stale.headers.warning).toContain('does not answer now');
    }
    expect(proxy.requests.length - before).toBe(1);
    const limited = await manifestOf(berth, 'mirror/team/large', 'v1');
    expect(limited.status).toBe(429);
    expect(limited.headers['retry-after']).toBe('60');
    expect(proxy.requests.length - before).toBe(1);
  });

  it('does not wait long for another registry that says nothing, where it has something to show', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    await using berth = await startWith(proxy.url);
    await pull(berth, 'mirror/team/app', small);
    proxy.intercept = () => true;
    const asked = performance.now();
    expect((await manifestOf(berth, 'mirror/team/app', 'v1')).headers.warning).toContain(
      'does not answer now',
    );
    expect(performance.now() - asked).toBeLessThan(20_000); // and not for as long as a connection may be silent
    const before = proxy.requests.length;
    expect((await manifestOf(berth, 'mirror/team/app', 'v1')).status).toBe(200);
    expect(proxy.requests.length).toBe(before);
  });

  it('follows tags as they move, and believes them for as long as it is told', async () => {
    await using up = await BerthProcess.start();
    await using proxy = await RecordingProxy.start(up.url);
    await using berth = await startWith(proxy.url);
    await using trusting = await startWith(proxy.url, { recheck: '1h' });
    const [one, two] = [testImage('one'), testImage('two')];
    await pushImage(up.url, 'team/app', 'v1', one);
    for (const each of [berth, trusting]) await pull(each, 'mirror/team/app', one);
    await pushImage(up.url, 'team/app', 'v1', two);
    await pull(berth, 'mirror/team/app', two);
    await pull(trusting, 'mirror/team/app', one);
    await pushImage(up.url, 'team/app', 'v1', one);
    await pull(berth, 'mirror/team/app', one);
    const tags = await http(`${berth.url}/v2/mirror/team/app/tags/list`);
    expect(JSON.parse(tags.body.toString())).toEqual({ name: 'mirror/team/app', tags: ['v1'] });
    await up.stop();
    const known = await http(`${berth.url}/v2/mirror/team/app/tags/list`);
    expect(JSON.parse(known.body.toString())).toEqual({ name: 'mirror/team/app', tags: ['v1'] });
  });

  it('keeps no more than it is told', async () => {
    await using berth = await startWith(reference.url, { maxsize: '3MiB' });
    await pull(berth, 'mirror/team/app', small);
    await manifestOf(berth, 'mirror/team/large', 'v1');
    await pull(berth, 'mirror/team/app', small);
    // Too much only now: before, nothing is given up, however long all of this takes.
    for (const bytes of large.blobs) await blobOf(berth, 'mirror/team/large', bytes);
    const isKept = (bytes: Buffer) => {
      const hex = sha256(bytes).slice(7);
      return existsSync(join(berth.root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'));
    };
    // Not what else of it came between two looks at the bound: that is looked at again in an hour.
    while (isKept(layer)) await sleep(200);
    expect(isKept(large.manifest)).toBe(false);
    expect([small.manifest, ...small.blobs].map(isKept)).not.toContain(false);
    while (!berth.output.includes('copies were given up')) await sleep(200);
    await pull(berth, 'mirror/team/large', large);
  });

  it('keeps no more than it is told, whichever of several servers fetched it', async () => {
    await using postgres = await PostgresServer.start();
    await using folder = await temporaryFolder();
    const index = { postgresql: { url: postgres.url() } };
    const upstreams = [{ prefix: 'mirror', url: reference.url, maxsize: '3MiB' }];
    const options = { root: folder.path, config: { berth: { upstreams, index } } };
    await using first = await BerthProcess.start(options);
    await pull(first, 'mirror/team/large', large);
    while (!first.output.includes('copies were given up')) await sleep(200);
    await using second = await BerthProcess.start(options);
    await pull(second, 'mirror/team/large', large);
    const fetched = new RegExp(`blob fetched.*${sha256(layer)}`);
    while (!fetched.test(second.output)) await sleep(50);
    const hex = sha256(layer).slice(7);
    const path = join(folder.path, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
    while (existsSync(path)) await sleep(200);
  });

  it('is nothing wrong after a kill in the midst of it', async () => {
    await using proxy = await RecordingProxy.start(reference.url);
    const port = await freePort();
    await using folder = await temporaryFolder('pull-through');
    const upstreams = [{ prefix: 'mirror', url: proxy.url, recheck: '0s' }];
    const start = () => BerthProcess.start({ port, root: folder.path, config: { berth: { upstreams } } });
    const { goOn, isHeld } = holdHalfway(proxy, layer);
    {
      await using berth = await start();
      await manifestOf(berth, 'mirror/team/large', 'v1');
      const answer = blobOf(berth, 'mirror/team/large', layer);
      answer.catch(() => {});
      while (!isHeld()) await sleep(20);
      await berth.stop('SIGKILL');
      await expect(answer).rejects.toThrow();
    }
    goOn();
    proxy.change = (chunk) => chunk;
    expect(await filesBelow(join(folder.path, 'berth/tmp'))).toEqual([]);
    await using berth = await start();
    await pull(berth, 'mirror/team/large', large);
  });

  it('is for those who may pull there, and shows its own credentials to nobody else', async () => {
    await using folder = await temporaryFolder('pull-through');
    const htpasswd = join(folder.path, 'htpasswd');
    await writeHtpasswd(htpasswd, { alice: 'correct horse', mirror: 'secret' });
    const auth = { htpasswd: { realm: 'r', path: htpasswd } };
    await using up = await BerthProcess.start({ config: { auth } });
    await using proxy = await RecordingProxy.start(up.url);
    await pushImage(up.url, 'team/app', 'v1', small, {
      headers: { authorization: basic('mirror', 'secret') },
    });
    const access = [{ repositories: 'mirror/team/**', pull: ['alice'] }];
    const upstreams = [
      { prefix: 'mirror', url: proxy.url, username: 'mirror', password: 'secret' },
      { prefix: 'nobody', url: proxy.url },
    ];
    await using berth = await BerthProcess.start({
      config: {
        auth,
        berth: { access: [...access, { repositories: 'nobody/**', pull: ['alice'] }], upstreams },
      },
    });
    const as = (repository: string, user: string, password: string) =>
      http(`${berth.url}/v2/${repository}/manifests/v1`, {
        headers: { ...ANY, authorization: basic(user, password) },
      });
    expect((await manifestOf(berth, 'mirror/team/app', 'v1')).status).toBe(401);
    expect((await as('mirror/team/app', 'mirror', 'secret')).status).toBe(403);
    expect(proxy.requests).toEqual([]);
    expect((await as('mirror/team/app', 'alice', 'correct horse')).status).toBe(200);
    expect(new Set(proxy.authorizations)).toEqual(new Set([undefined, basic('mirror', 'secret')]));
    proxy.authorizations.splice(0);
    expect((await as('nobody/team/app', 'alice', 'correct horse')).status).toBe(403);
    expect(new Set(proxy.authorizations)).toEqual(new Set([undefined]));
  });
});
