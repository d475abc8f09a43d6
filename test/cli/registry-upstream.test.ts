import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { RegistryUpstream } from '../../src/cli/registry-upstream.js';
import { parseDigest, parseRepositoryName, parseTag } from '../../src/oci/index.js';
import { UpstreamUnavailableError } from '../../src/registry/upstreams/index.js';
import { openClient } from '../client/clients.js';
import { FakeRegistry, fail, send } from '../client/fake-registry.js';

const APP = parseRepositoryName('team/app');
const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const V1 = parseTag('v1');

let registry: FakeRegistry;

beforeEach(async () => {
  registry = await FakeRegistry.start();
});
afterEach(() => registry[Symbol.asyncDispose]());

function open(options: { answerMs?: number } = {}): RegistryUpstream {
  const client = openClient({ retries: 0, maxRetryAfterMs: 0 });
  return new RegistryUpstream(registry.address, () => client, options);
}

const calls = {
  resolve: (upstream: RegistryUpstream) => upstream.resolve(APP, V1),
  manifest: (upstream: RegistryUpstream) => upstream.manifest(APP, { tag: V1 }),
  blob: (upstream: RegistryUpstream) => upstream.blob(APP, DIGEST),
  'a look at a blob': (upstream: RegistryUpstream) => upstream.stat(APP, DIGEST),
  tags: (upstream: RegistryUpstream) => upstream.tags(APP),
};

describe.each(Object.entries(calls))('%s of an upstream', (_name, call) => {
  it('is undefined where there is none', async () => expect(await call(open())).toBeUndefined());

  it.each([
    { status: 401, error: 'UpstreamRefusedError' },
    { status: 403, error: 'UpstreamRefusedError' },
    { status: 429, error: 'UpstreamUnavailableError' },
    { status: 502, error: 'UpstreamUnavailableError' },
    { status: 418, error: 'UpstreamContentError' },
  ])('is $error after $status', async ({ status, error }) => {
    registry.intercept = (_request, response) => {
      if (_request.url === '/v2/') return false;
      fail(response, status, 'DENIED');
      return true;
    };
    await expect(call(open())).rejects.toMatchObject({ name: error });
  });

  it.each([
    { what: 'the first time', isSilent: () => true },
    { what: 'after a greeting', isSilent: (url: string) => url !== '/v2/' },
  ])('is not waited for where nobody answers $what', async ({ isSilent }) => {
    registry.intercept = ({ url = '' }) => isSilent(url);
    await expect(call(open({ answerMs: 200 }))).rejects.toMatchObject({
      name: 'UpstreamUnavailableError',
      message: expect.stringContaining('did not answer in time'),
    });
  });

  it('fails where nobody listens', async () => {
    const upstream = open();
    await registry[Symbol.asyncDispose]();
    await expect(call(upstream)).rejects.toThrow(UpstreamUnavailableError);
    registry = await FakeRegistry.start();
  });
});

describe('an upstream', () => {
  it('may take its time with what it has begun to send', async () => {
    let goOn = () => {};
    registry.intercept = ({ url = '' }, response) => {
      if (!url.includes('blobs')) return false;
      response.writeHead(200, { 'content-length': '6' }).write('one');
      goOn = () => void response.end('two');
      return true;
    };
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const found = await open({ answerMs: 200 }).blob(APP, DIGEST);
    vi.advanceTimersByTime(600);
    goOn();
    expect(found && (await text(found.bytes))).toBe('onetwo');
  });

  it('says how long it wants to be left alone', async () => {
    registry.intercept = (_request, response) => {
      send(response, 429, { 'retry-after': '30' });
      return true;
    };
    await expect(open().tags(APP)).rejects.toMatchObject({ limited: true, retryAfterMs: 30_000 });
  });

  it('sends what can be seen to be wrong', async () => {
    registry.intercept = ({ url }, response) => {
      if (!url?.includes('manifests')) return false;
      send(response, 200, { 'content-type': 'text/html', 'docker-content-digest': DIGEST }, '<html>');
      return true;
    };
    await expect(open().manifest(APP, { tag: V1 })).rejects.toMatchObject({ name: 'UpstreamContentError' });
  });

  it('sends a manifest without end', async () => {
    registry.intercept = ({ url }, response) => {
      if (!url?.includes('manifests')) return false;
      send(
        response,
        200,
        { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
        Buffer.alloc(1e7),
      );
      return true;
    };
    await expect(open().manifest(APP, { tag: V1 })).rejects.toMatchObject({ name: 'UpstreamContentError' });
  });

  it.each([
    { host: 'registry-1.docker.io', repository: 'alpine', asked: 'library/alpine' },
    { host: 'docker.io', repository: 'library/alpine', asked: 'library/alpine' },
    { host: 'registry-1.docker.io', repository: 'grafana/loki', asked: 'grafana/loki' },
    { host: 'quay.io', repository: 'alpine', asked: 'alpine' },
  ])('$host knows $repository as $asked', async ({ host, repository, asked }) => {
    const client = openClient();
    const names: string[] = [];
    const watched = Object.assign(Object.create(client), {
      repository: (_host: string, name: ReturnType<typeof parseRepositoryName>) => {
        names.push(name);
        return client.repository(registry.address, name);
      },
    });
    await new RegistryUpstream(host, () => watched).resolve(parseRepositoryName(repository), V1);
    expect(names).toEqual([asked]);
  });
});
