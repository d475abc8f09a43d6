import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { Agent, createServer, type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  CLIENT_AUTH,
  type LoadedTls,
  loadTls,
  refuseClients,
  type TlsFiles,
  watchTls,
} from '../../../src/registry/tls/index.js';
import { makeCertificate, type Pair } from './certificates.js';

let folder: string;
let first: Pair;
let second: Pair;
let authority: Pair;
let client: Pair;
let stranger: Pair;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tls-'));
  first = makeCertificate(folder, 'first');
  second = makeCertificate(folder, 'second');
  authority = makeCertificate(folder, 'authority');
  client = makeCertificate(folder, 'client', { issuer: authority });
  stranger = makeCertificate(folder, 'stranger');
});

afterAll(() => rm(folder, { recursive: true }));

async function listen(loaded: LoadedTls) {
  const server = createServer(loaded.options, (_, response) => void response.end('hello'));
  refuseClients(server, loaded.clientAuth);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

type Answer = {
  body: string;
  servedBy: string | undefined;
  protocol: string | null;
  cipher: string;
  resumed: boolean;
};

function get(port: number, options: RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      agent: false,
      ...options,
    });
    outgoing.once('error', reject);
    outgoing.once('response', async (incoming) => {
      const socket = incoming.socket as TLSSocket;
      const servedBy = socket.getPeerX509Certificate()?.subject.replace('CN=', '');
      const [protocol, cipher, resumed] = [
        socket.getProtocol(),
        socket.getCipher().name,
        socket.isSessionReused(),
      ];
      let body = '';
      for await (const chunk of incoming) body += chunk;
      resolve({ body, servedBy, protocol, cipher, resumed });
    });
    outgoing.end();
  });
}

function credentials({ certificate, key }: Pair) {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

describe('loadTls', () => {
  it('serves a certificate', async () => {
    const loaded = await loadTls(first);
    expect(loaded.validTo.getTime()).toBeGreaterThan(Date.now());
    const { port } = await listen(loaded);
    expect(await get(port)).toMatchObject({ body: 'hello', servedBy: 'first', protocol: 'TLSv1.3' });
  });

  it('refuses older versions than asked for', async () => {
    const { port } = await listen(await loadTls({ ...first, minimumtls: 'tls1.3' }));
    await expect(get(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
    expect(await get(port)).toMatchObject({ protocol: 'TLSv1.3' });
  });

  it('limits the cipher suites of TLS 1.2 and keeps TLS 1.3', async () => {
    const ciphersuites = ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256'];
    const { port } = await listen(await loadTls({ ...first, ciphersuites }));
    expect(await get(port, { maxVersion: 'TLSv1.2' })).toMatchObject({
      cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384',
    });
    expect(await get(port)).toMatchObject({ protocol: 'TLSv1.3' });
    const other = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const;
    await expect(get(port, other)).rejects.toThrow(/handshake failure/);
  });

  it.each<{ config: (pairs: { first: Pair; second: Pair }) => TlsFiles; message: RegExp }>([
    {
      config: ({ first }) => ({ ...first, certificate: '/nonexistent' }),
      message: /^http\.tls\.certificate: cannot read \/nonexistent: there is no such file$/,
    },
    {
      config: ({ first, second }) => ({ ...first, key: second.key }),
      message: /first.crt with the key .*second.key/,
    },
    {
      config: ({ first }) => ({ ...first, key: first.certificate }),
      message: /http\.tls\.key: .*first.crt is not a private key/,
    },
    {
      config: ({ first }) => ({ ...first, certificate: first.key }),
      message: /first.key is not a certificate/,
    },
    {
      config: ({ first }) => ({ ...first, clientcas: [first.key] }),
      message: /first.key is not a certificate/,
    },
    {
      config: ({ first }) => ({ ...first, minimumtls: 'tls1.0' }),
      message: /minimumtls: "tls1.0" is no longer safe/,
    },
    { config: ({ first }) => ({ ...first, minimumtls: 'ssl3' }), message: /"ssl3" is not a version/ },
    { config: ({ first }) => ({ ...first, ciphersuites: ['RC4'] }), message: /unknown cipher suite "RC4"/ },
    {
      config: ({ first }) => ({ ...first, clientauth: 'verify-client-cert-if-given' }),
      message: /needs http.tls.clientcas/,
    },
  ])('refuses with $message', async ({ config, message }) => {
    await expect(loadTls(config({ first, second }))).rejects.toThrow(message);
  });
});

describe('clients', () => {
  const modes = {
    'request-client-cert': { none: true, stranger: true, known: true },
    'require-any-client-cert': { none: false, stranger: true, known: true },
    'verify-client-cert-if-given': { none: true, stranger: false, known: true },
    'require-and-verify-client-cert': { none: false, stranger: false, known: true },
  };
  it.each([...CLIENT_AUTH, undefined])('are let in by %s', async (clientauth) => {
    const clientcas = [authority.certificate];
    const { port } = await listen(await loadTls({ ...first, clientcas, clientauth }));
    const comesIn = (options: RequestOptions) =>
      get(port, options).then(
        () => true,
        () => false,
      );
    expect({
      none: await comesIn({}),
      stranger: await comesIn(credentials(stranger)),
      known: await comesIn(credentials(client)),
    }).toEqual(modes[clientauth ?? 'require-and-verify-client-cert']);
  });

  it.each([
    'require-any-client-cert',
    'verify-client-cert-if-given',
    'require-and-verify-client-cert',
  ] as const)('are still known by %s when they resume a session', async (clientauth) => {
    const clientcas = [authority.certificate];
    const { port } = await listen(await loadTls({ ...first, clientcas, clientauth }));
    const agent = new Agent({ maxCachedSessions: 10, keepAlive: false });
    for (const resumed of [false, true]) {
      expect(await get(port, { ...credentials(client), agent })).toMatchObject({ body: 'hello', resumed });
    }
  });

  it.each(['h2', 'http/1.1'])('are refused before they can ask over %s', async (protocol) => {
    const clientcas = [authority.certificate];
    const loaded = await loadTls({ ...first, clientcas, clientauth: 'verify-client-cert-if-given' });
    let asked = 0;
    const server = createSecureServer({ ...loaded.options, allowHTTP1: true }, (_, response) => {
      asked++;
      response.end('hello');
    });
    refuseClients(server, loaded.clientAuth);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const address = { host: '127.0.0.1', port, rejectUnauthorized: false };
    const socket = connect({ ...credentials(stranger), ...address, ALPNProtocols: [protocol] });
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    expect(asked).toBe(0);
    expect(await get(port, credentials(client))).toMatchObject({ body: 'hello' });
  });

  it('are not asked for anything without authorities', async () => {
    expect((await loadTls(first)).clientAuth).toBeUndefined();
  });
});

describe('watchTls', () => {
  async function start() {
    const live = { certificate: join(folder, 'live.crt'), key: join(folder, 'live.key') };
    await use(first, live);
    const logged: string[] = [];
    const log = {
      info: (_: object, message: string) => void logged.push(message),
      warn: (_: object, message: string) => void logged.push(message),
    };
    const loaded = await loadTls(live);
    const { server, port } = await listen(loaded);
    const watch = watchTls(server, live, loaded, { log, everyMs: 3_600_000 });
    onTestFinished(() => watch.close());
    return { live, logged, watch, port };
  }

  async function use(from: Pair, to: Pair): Promise<void> {
    await copyFile(from.certificate, to.certificate);
    await copyFile(from.key, to.key);
  }

  it('serves a new certificate without a restart', async () => {
    const { live, logged, watch, port } = await start();
    await watch.check();
    expect(logged).toEqual([]);
    await use(second, live);
    await watch.check();
    expect(await get(port)).toMatchObject({ servedBy: 'second' });
    expect(logged).toEqual(['certificate reloaded']);
  });

  it('stays with the old one until the new one is whole', async () => {
    const { live, logged, watch, port } = await start();
    const kept = 'certificate not reloaded, the old one stays';
    await copyFile(second.certificate, live.certificate);
    await watch.check();
    await watch.check();
    expect(logged).toEqual([kept]);
    await writeFile(live.key, readFileSync(second.key).subarray(0, 50));
    await watch.check();
    await rm(live.key);
    await watch.check();
    expect(await get(port)).toMatchObject({ servedBy: 'first' });
    await copyFile(second.key, live.key);
    await watch.check();
    expect(await get(port)).toMatchObject({ servedBy: 'second' });
    expect(logged).toEqual([kept, kept, kept, 'certificate reloaded']);
  });
});
