import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { get, type RequestOptions } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type PeerCertificate } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { freePort } from '../support/free-port.js';
import { http } from '../support/http.js';
import { createAuthority, signClientCertificate } from '../support/private-authority.js';
import { pushImage, sha256, testImage } from '../support/push.js';
import { ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** A server that gives requests under way much time when it is to stop; and who connects to it, how. */
async function startPatient(folder: string) {
  const { tls, ca } = await createAuthority(join(folder, 'tls'), ['127.0.0.1']);
  const started = await BerthProcess.start({ tls: true, config: { http: { tls, draintimeout: '50s' } } });
  const { hostname: host, port } = new URL(started.url);
  return { started, host, port: Number(port), ca };
}

async function stopsSoon(berth: BerthProcess): Promise<void> {
  const begun = performance.now();
  expect(await berth.stop('SIGTERM')).toBe(0);
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(berth.output).not.toContain('were cut');
}

describe('berth serve with TLS', () => {
  it('speaks HTTP/1.1 and HTTP/2 on one port, and moves the same bytes over both', async () => {
    await using folder = await temporaryFolder();
    const { tls, ca } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    await using berth = await BerthProcess.start({ tls: true, config: { http: { tls } } });
    const bytes = Buffer.alloc(9_000_001, 'berth over http/2 ');
    const path = `/v2/app/blobs/uploads/?digest=${sha256(bytes)}`;
    expect(await overHttp2(berth.url, ca, { ':method': 'POST', ':path': path }, bytes)).toMatchObject({
      status: 201,
    });
    const blob = `/v2/app/blobs/${sha256(bytes)}`;
    expect((await http(berth.url + blob, { ca })).body.equals(bytes)).toBe(true);
    const answer = await overHttp2(berth.url, ca, { ':path': blob });
    expect(answer.body.equals(bytes)).toBe(true);
    const range = await overHttp2(berth.url, ca, { ':path': blob, range: 'bytes=5-8,100-101' });
    expect(range).toMatchObject({ status: 206 });
    expect(range.body.toString()).toContain('Content-Range: bytes 100-101/9000001');
    expect(await overHttp2(berth.url, ca, { ':path': '/v2/app/manifests/none' })).toMatchObject({
      status: 404,
    });
  });

  it.each(['http/1.1', 'h2', 'none'])(
    'stops without waiting for who has shaken hands and says nothing: %s',
    async (protocol) => {
      await using folder = await temporaryFolder();
      const { started, ...place } = await startPatient(folder.path);
      await using berth = started;
      const socket = connect({ ...place, ALPNProtocols: protocol === 'none' ? [] : [protocol] });
      await once(socket, 'secureConnect');
      const closed = once(socket.resume(), 'close');
      await stopsSoon(berth);
      await closed;
    },
  );

  it.each(['http/1.1', 'h2'])(
    'stops without waiting for who has shaken hands during the stop, and says nothing: %s',
    async (protocol) => {
      await using folder = await temporaryFolder();
      const { started, ...place } = await startPatient(folder.path);
      await using berth = started;
      const tcp = connectTcp(place);
      const greeted = once(tcp, 'data');
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const held = new Duplex({
        read: () => {},
        write: (bytes, _, done) =>
          void (tcp.bytesWritten === 0
            ? tcp.write(bytes, done)
            : released.then(() => tcp.write(bytes, done))),
      });
      tcp.on('data', (bytes) => held.push(bytes)).on('close', () => held.push(null));
      connect({ ...place, socket: held, ALPNProtocols: [protocol] }).on('error', () => {});
      await greeted;
      const closed = once(tcp, 'close');
      setTimeout(release, 1500); // it has looked for connections without a first byte by then
      await stopsSoon(berth);
      await closed;
    },
  );

  it('tells those who do not speak TLS', async () => {
    await using folder = await temporaryFolder();
    const { tls } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    await using berth = await BerthProcess.start({ tls: true, config: { http: { tls } } });
    const answer = await http(`${berth.url.replace('https', 'http')}/v2/`);
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).toContain('this port speaks HTTPS');
  });

  it('takes over a renewed certificate without a restart', async () => {
    await using folder = await temporaryFolder();
    const first = await createAuthority(join(folder.path, 'first'), ['127.0.0.1']);
    const second = await createAuthority(join(folder.path, 'second'), ['127.0.0.1']);
    await using berth = await BerthProcess.start({ tls: true, config: { http: { tls: first.tls } } });
    const before = await certificateOf(berth.url);
    await copyFile(second.tls.key, first.tls.key);
    await copyFile(second.tls.certificate, first.tls.certificate);
    for (
      let i = 0;
      i < 100 && (await certificateOf(berth.url)).fingerprint256 === before.fingerprint256;
      i++
    ) {
      await sleep(200);
    }
    expect((await certificateOf(berth.url)).fingerprint256).not.toBe(before.fingerprint256);
    await pushImage(berth.url, 'app', 'v1', testImage('a'), { ca: second.ca });
  });

  it('lets in only clients with a certificate of the right authority, where the configuration says so', async () => {
    await using folder = await temporaryFolder();
    const { tls, ca, caFile } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    const client = await clientCertificate(folder.path, caFile);
    const address = `127.0.0.1:${await freePort()}`;
    const config = join(folder.path, 'config.yml');
    const http_ = { addr: address, tls: { ...tls, clientcas: [caFile] } };
    await writeFile(config, stringify({ version: 0.1, storage: 'inmemory', http: http_ }));
    await using _server = await ServerProcess.start({
      command: [BERTH, 'serve', config],
      cwd: folder.path,
      isReady: () => accepts(address),
    });
    await expect(statusOf(address, { ca })).rejects.toThrow();
    expect(await statusOf(address, { ca, ...client })).toBe(200);
  });
});

async function clientCertificate(folder: string, caFile: string): Promise<{ cert: Buffer; key: Buffer }> {
  const { certificate, key } = await signClientCertificate(folder, caFile);
  return { cert: await readFile(certificate), key: await readFile(key) };
}

function accepts(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve) => {
    const socket = connectTcp(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function statusOf(address: string, options: RequestOptions): Promise<number> {
  const request = get(`https://${address}/v2/`, { ...options, agent: false });
  const [answer] = await once(request, 'response');
  answer.resume();
  return answer.statusCode;
}

async function overHttp2(url: string, ca: string, headers: Record<string, string>, body?: Buffer) {
  const session = connectHttp2(url, { ca });
  try {
    const stream = session.request(headers, { endStream: body === undefined });
    if (body) stream.end(body);
    const answered = new Promise<number>((resolve, reject) => {
      stream.once('response', (answer) => resolve(Number(answer[':status'])));
      stream.once('error', reject);
    });
    const [status, bytes] = await Promise.all([answered, buffer(stream)]);
    return { status, body: bytes };
  } finally {
    session.close();
  }
}

async function certificateOf(url: string): Promise<PeerCertificate> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
