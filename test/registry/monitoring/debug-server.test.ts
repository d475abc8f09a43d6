import { afterEach, describe, expect, it } from 'vitest';
import {
  type DebugServer,
  type DebugServerOptions,
  startDebugServer,
} from '../../../src/registry/monitoring/index.js';

const SOURCE = { text: async () => 'up 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' };
const running: DebugServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

/** Sends one request to a debug server with this status. */
async function ask(
  path: string,
  init: RequestInit = {},
  options: Partial<DebugServerOptions> & { status?: Record<string, string> } = {},
) {
  let manual: boolean | undefined;
  const silent = () => {};
  const server = await startDebugServer({
    listen: { host: '127.0.0.1', port: 0 },
    health: {
      status: () => options.status ?? {},
      setManual: (down) => {
        manual = down;
      },
    },
    metrics: { path: '/metrics', source: SOURCE },
    version: '1.2.3',
    log: { debug: silent, info: silent, warn: silent, error: silent },
    ...options,
  });
  running.push(server);
  const answer = await fetch(`http://${server.address}${path}`, init);
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    body: await answer.text(),
    manual,
  };
}

const JSON_TYPE = 'application/json; charset=utf-8';

describe('debug server', () => {
  it('says that all is well', async () =>
    expect(await ask('/debug/health')).toMatchObject({ status: 200, type: JSON_TYPE, body: '{}' }));
  it('says what is wrong', async () =>
    expect(await ask('/debug/health', {}, { status: { storage_space: 'full' } })).toMatchObject({
      status: 503,
      type: JSON_TYPE,
      body: '{"storage_space":"full"}',
    }));
  it('answers HEAD', async () =>
    expect(await ask('/debug/health', { method: 'HEAD' }, { status: { a: 'b' } })).toMatchObject({
      status: 503,
      body: '',
    }));
  it.each([
    ['down', true],
    ['up', false],
  ])('POST /debug/health/%s', async (path, manual) =>
    expect(await ask(`/debug/health/${path}`, { method: 'POST' })).toMatchObject({ status: 200, manual }),
  );
  it('does not let web pages take it down', async () => {
    const init = { method: 'POST', headers: { Origin: 'https://evil.example' } };
    expect(await ask('/debug/health/down', init)).toMatchObject({ status: 403, manual: undefined });
  });
  it('wants POST for that', async () =>
    expect(await ask('/debug/health/down')).toMatchObject({
      status: 405,
      type: JSON_TYPE,
      manual: undefined,
    }));
  it('shows memory and version', async () => {
    const { body } = await ask('/debug/vars');
    expect(JSON.parse(body)).toMatchObject({ version: '1.2.3', memory: { rss: expect.any(Number) } });
  });
  it('serves metrics', async () =>
    expect(await ask('/metrics')).toMatchObject({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      body: 'up 1\n',
    }));
  it('serves them where it is told to', async () => {
    const metrics = { path: '/a:b(c)', source: SOURCE };
    expect(await ask('/a:b(c)', {}, { metrics })).toMatchObject({ status: 200 });
  });
  it.each([
    { path: '/metrics', options: { metrics: undefined } },
    { path: '/debug/pprof/', options: {} },
    { path: '/', options: {} },
  ])('has nothing at $path', async ({ path, options }) =>
    expect(await ask(path, {}, options)).toMatchObject({
      status: 404,
      type: JSON_TYPE,
      body: '{"error":"Not Found"}',
    }),
  );
  it('hides why metrics failed', async () => {
    const source = { text: () => Promise.reject(new Error('swordfish')), contentType: 'text/plain' };
    const metrics = { path: '/metrics', source };
    expect(await ask('/metrics', {}, { metrics })).toMatchObject({
      status: 500,
      body: '{"error":"internal error"}',
    });
  });
  it('refuses to start where something else listens', async () => {
    await ask('/');
    const port = Number(running[0]?.address.split(':')[1]);
    await expect(ask('/', {}, { listen: { host: '127.0.0.1', port } })).rejects.toThrow('http.debug.addr');
  });
});
