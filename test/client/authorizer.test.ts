import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Authorizer } from '../../src/client/auth/authorizer.js';
import { repositoryScope } from '../../src/client/auth/scope.js';
import { Transport } from '../../src/client/http/transport.js';
import { TrustFolders } from '../../src/client/trust-folders.js';
import { Proxies } from '../../src/proxy/index.js';

const PULL = [repositoryScope('app', 'pull')];
const PUSH = [repositoryScope('app', 'push', 'pull')];

let issued: number;
let server: ReturnType<typeof createServer>;
let clock: { now: number };

beforeEach(async () => {
  issued = 0;
  clock = { now: 0 };
  server = createServer((_request, response) => {
    response.end(JSON.stringify({ token: `token-${++issued}`, expires_in: 300 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function open(): Authorizer {
  const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const trust = new TrustFolders({ folders: [] });
  const common = { registry: origin.host, insecure: false };
  const transport = new Transport({
    ...common,
    trust,
    proxies: new Proxies({}),
    userAgent: 'test',
    silenceMs: 5000,
  });
  return new Authorizer(
    {
      ...common,
      credentials: async () => undefined,
      send: (request) => transport.send(request),
      origin,
      now: () => clock.now,
    },
    [{ scheme: 'bearer', parameters: { realm: '/token', service: 'x' } }],
  );
}

describe('a token', () => {
  it('is kept for what it covers until its life is nearly over', async () => {
    const authorizer = open();
    const header = async (scopes = PULL) => (await authorizer.authorize(scopes)).header;
    expect(await header(PUSH)).toBe('Bearer token-1');
    expect(await header(PULL)).toBe('Bearer token-1');
    clock.now = 269_000;
    expect(await header()).toBe('Bearer token-1');
    clock.now = 271_000;
    expect(await header()).toBe('Bearer token-2');
    expect(await header(PUSH)).toBe('Bearer token-3');
  });

  it('is asked for again after a failure', async () => {
    const authorizer = open();
    const [listener] = server.listeners('request');
    server.removeAllListeners('request').on('request', (_request, response) => {
      response.statusCode = 500;
      response.end();
    });
    await expect(authorizer.authorize(PULL)).rejects.toThrow('answered 500');
    server.removeAllListeners('request').on('request', listener as never);
    expect((await authorizer.authorize(PULL)).header).toBe('Bearer token-1');
  });

  it('is not asked for by plain http on behalf of https', () => {
    const origin = new URL('https://reg.example');
    const options = { registry: 'reg.example', insecure: false, credentials: async () => undefined, origin };
    const challenge = { scheme: 'bearer', parameters: { realm: 'http://auth.example/token' } };
    const send = () => Promise.reject(new Error('sent'));
    expect(() => new Authorizer({ ...options, send }, [challenge])).toThrow(
      'by plain http; --insecure does it',
    );
  });
});
