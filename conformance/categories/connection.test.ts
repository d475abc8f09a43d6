import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { expect } from 'vitest';
import { expectHeader, expectRefused, expectStatus } from '../checks.ts';
import type { Client } from '../client.ts';
import { absentDigest, blobOf, nonce, randomBlob } from '../content.ts';
import { ACCEPT_ALL, OCI_MANIFEST } from '../media-types.ts';
import { withDigest } from '../repository.ts';
import { category, requirement } from '../requirement.ts';

/** The first bytes that a TLS client sends: a real one, made by the TLS of Node. RFC 8446 section 4.1.2. */
function tlsHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read: () => undefined, // no server ever answers
      write: (hello: Buffer) => {
        resolve(hello);
        wire.destroy();
      },
    });
    tls.connect({ socket: wire, servername: 'registry.example' }).on('error', () => undefined);
  });
}

/** Sends raw bytes. @returns what came back until the server closed or five seconds passed. */
function sendRaw(url: URL, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const socket = net.connect({ host, port: Number(url.port || 80) }, () => socket.write(bytes));
    const done = () => {
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    socket.setTimeout(5000, done);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', done);
    socket.on('error', (error) => (chunks.length > 0 ? done() : reject(error)));
  });
}

/** @returns everything that the server sent. */
async function sendHead(client: Client, url: URL): Promise<Buffer> {
  const authorization = await client.authorizationFor(url);
  const fields = [
    `HEAD ${url.pathname} HTTP/1.1`,
    `Host: ${url.host}`,
    `Accept: ${ACCEPT_ALL}`,
    'Connection: close',
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
  ];
  return sendRaw(url, Buffer.from(`${fields.join('\r\n')}\r\n\r\n`));
}

/** @returns the protocol that the server picks of those offered. */
function negotiate(
  url: URL,
  offered: string[],
  options: { ca: string | undefined; insecure: boolean },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const trust = { rejectUnauthorized: !options.insecure, ...(options.ca ? { ca: options.ca } : {}) };
    const name = net.isIP(host) ? {} : { servername: host };
    const socket = tls.connect(
      { host, port: Number(url.port || 443), ALPNProtocols: offered, ...trust, ...name },
      () => {
        resolve(socket.alpnProtocol || 'none');
        socket.end();
      },
    );
    socket.on('error', reject);
  });
}

category('connection', () => {
  // Containerd falls back to plain http only when the answer to its TLS hello begins like this.
  requirement(
    'C38',
    'SHOULD',
    'answers a TLS hello on the plain port with HTTP',
    async ({ client, skip }) => {
      if (client.base.protocol !== 'http:') skip('the registry is behind TLS');
      const reply = await sendRaw(client.base, await tlsHello());
      expect(reply.subarray(0, 5).toString('latin1'), 'start of the reply').toBe('HTTP/');
    },
  );

  // Go clients offer h2 by ALPN, docker's classic code does not.
  requirement(
    'C37',
    'MAY',
    'speaks HTTP/2 to who offers it, HTTP/1.1 to who does not',
    async ({ client, skip }) => {
      if (client.base.protocol !== 'https:') skip('no TLS, so nothing is negotiated');
      expect(await negotiate(client.base, ['http/1.1'], client.settings)).toMatch(/^(http\/1\.1|none)$/);
      if ((await negotiate(client.base, ['h2', 'http/1.1'], client.settings)) !== 'h2') skip('HTTP/1.1 only');
    },
  );

  // RFC 9110 section 10.1.1: curl and Java clients wait for the 100.
  requirement('C41.1', 'SHOULD', 'takes a blob after Expect: 100-continue', async ({ repository }) => {
    const target = repository();
    const blob = randomBlob(4096);
    const answer = await target.closeUpload(await target.startUpload(), blob.digest, blob.bytes, {
      expectContinue: true,
    });
    expectStatus(answer, 201);
    expect(answer.continued, '100 Continue came before the body').toBe(true);
  });

  // The whole point of Expect: a layer that is not wanted is not sent.
  requirement(
    'C41.2',
    'SHOULD',
    'refuses an unknown upload without asking for the body',
    async ({ repository }) => {
      const target = repository();
      const upload = await target.startUpload();
      const blob = randomBlob(4096);
      expectStatus(await target.closeUpload(upload, blob.digest, blob.bytes), 201);
      const late = await target.closeUpload(upload, blob.digest, blob.bytes, { expectContinue: true });
      expectRefused(late, 'an upload that has ended');
      expect(late.bodySent, 'the refusal came only after the body').toBe(false);
    },
  );

  for (const [id, how, chunked] of [
    ['C42.1', 'with a length', false],
    ['C42.2', 'chunked', true],
  ] as const) {
    // A status that arrives behind a reset connection is lost to Go clients: "broken pipe" is all that users see.
    requirement(
      id,
      'SHOULD',
      `lets a client read the refusal of a large body sent ${how}`,
      async ({ repository }) => {
        const target = repository();
        const upload = await target.startUpload();
        const blob = randomBlob();
        expectStatus(await target.closeUpload(upload, blob.digest, blob.bytes), 201);
        const body = Buffer.alloc(1 << 20, 'x');
        for (let round = 0; round < 3; round++) {
          const answer = await target.client.request('PUT', withDigest(upload, absentDigest()), {
            body,
            chunked,
          });
          expectRefused(answer, 'an upload that has ended');
        }
      },
    );
  }

  // RFC 9110 section 9.3.2. Looked at on the wire: HTTP parsers throw away what must not be there.
  requirement('D17.5', 'MUST', 'sends no body with HEAD', async ({ client, repository, skip }) => {
    if (client.base.protocol !== 'http:') skip('checked over plain HTTP only');
    const target = repository();
    const [image, blob] = [await target.pushImage('v1'), await target.pushBlob(randomBlob())];
    for (const rest of [
      'manifests/v1',
      `manifests/${image.digest}`,
      `blobs/${blob.digest}`,
      'manifests/absent',
    ]) {
      const reply = await sendHead(client, client.urlOf(`/v2/${target.name}/${rest}`));
      expect(reply.toString('latin1'), `answer to HEAD of ${rest}`).toMatch(/^HTTP\/1\.1 (200|404) /);
      expect(reply.length - reply.indexOf('\r\n\r\n') - 4, `bytes behind the head for ${rest}`).toBe(0);
    }
  });

  requirement(
    'C42.3',
    'SHOULD',
    'goes on serving after a body that ends early',
    async ({ client, repository, skip }) => {
      if (client.base.protocol !== 'http:') skip('checked over plain HTTP only');
      const { pathname, search } = await repository().startUpload();
      const request = `PATCH ${pathname}${search} HTTP/1.1\r\nHost: ${client.base.host}\r\nContent-Length: 1000\r\n\r\nshort`;
      const socket = net.connect({
        host: client.base.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: Number(client.base.port || 80),
      });
      await new Promise((resolve) => socket.write(request, resolve));
      socket.destroy();
      expectStatus(await client.request('GET', '/v2/'), 200);
    },
  );

  // Go keeps idle connections for 90 s: a server that closes them sooner resets pushes now and then.
  requirement(
    'C40',
    'SHOULD',
    'keeps idle connections longer than Go clients do, if it says',
    async ({ client, skip }) => {
      const answer = await client.request('GET', '/v2/');
      const seconds = /timeout=(\d+)/.exec(answer.header('Keep-Alive') ?? '')?.[1];
      if (seconds === undefined) skip('no Keep-Alive header');
      expect(Number(seconds), `${answer}: Keep-Alive timeout`).toBeGreaterThanOrEqual(90);
    },
  );

  // An IPv6 address in Host has brackets, and an absolute Location must keep them. RFC 3986 section 3.2.2.
  requirement('C43', 'SHOULD', 'understands an IPv6 address in Host', async ({ repository }) => {
    const target = repository();
    const answer = await target.postUpload('', { headers: { Host: '[::1]:5000' } });
    expectStatus(answer, 202);
    expectHeader(answer, 'Location', /^(\/|https?:\/\/([^/:[\]]+|\[[^\]]+\])(:\d+)?\/)/);
  });

  // A proxy may answer to another name and scheme. A relative Location is right behind all of them.
  requirement(
    'C39',
    'MAY',
    'sends upload locations that stay right behind a proxy',
    async ({ repository, skip }) => {
      const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'registry.example' };
      const answer = await repository().postUpload('', { headers });
      expectStatus(answer, 202);
      const location = answer.header('Location') ?? '';
      if (!location.startsWith('/') && !location.startsWith('https://registry.example/')) {
        skip(`absolute, and not of a proxy that we could pretend to be: ${location}`);
      }
    },
  );

  // Go's transport asks for gzip by itself and then drops Content-Length when it gets it.
  requirement('C23.1', 'MUST', 'never compresses a blob', async ({ repository }) => {
    const target = repository();
    const blob = await target.pushBlob(blobOf(`${nonce()}${'a'.repeat(16_384)}`));
    const answer = await target.getBlob(blob.digest, {
      'Accept-Encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5',
    });
    expectStatus(answer, 200);
    expect(answer.header('Content-Encoding'), `${answer}: Content-Encoding`).toBeUndefined();
    expectHeader(answer, 'Content-Length', String(blob.bytes.length));
  });

  requirement('C23.2', 'MUST', 'never compresses a manifest', async ({ repository }) => {
    const target = repository();
    const image = await target.pushImage('v1', { annotations: { text: 'a'.repeat(8192) } });
    const answer = await target.getManifest('v1', { Accept: OCI_MANIFEST, 'Accept-Encoding': 'gzip, zstd' });
    expectStatus(answer, 200);
    expect(answer.header('Content-Encoding'), `${answer}: Content-Encoding`).toBeUndefined();
    expectHeader(answer, 'Content-Length', String(image.bytes.length));
  });
});
