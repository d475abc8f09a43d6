import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { afterFailure } from '../support/after-failure.js';
import { createAuthority, signClientCertificate } from '../support/private-authority.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(() => place[Symbol.asyncDispose]());
afterFailure(() => place.clear());

const run = (flags: readonly string[], options: readonly string[], script: string) => [
  ...['run', ...flags, '--network', 'none', '--log-driver', 'syslog'],
  ...options.flatMap((option) => ['--log-opt', option]),
  ...['box', 'sh', '-c', script],
];

it('sends lines with their priorities, also when the container is started again, and keeps them for berth logs', async () => {
  const received: Promise<string>[] = [];
  const server = createServer((socket) => void received.push(text(socket)));
  const path = join(place.folder, 'syslog.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  const options = [`syslog-address=unix://${path}`, 'syslog-facility=local1', 'tag={{.Name}}-{{.ImageName}}'];
  const flags = ['-d', '--name', 'web', '--restart', 'on-failure:1'];
  const script = 'echo one; sleep 0.1; echo bad >&2; printf tail; exit 1';
  await place.run(run(flags, [...options, 'syslog-format=rfc5424'], script));
  const sent = await vi.waitFor(async () => {
    const lines = (await Promise.all(received)).join('').split('\n');
    expect(lines.filter((line) => line.endsWith('tail'))).toHaveLength(2);
    return lines.map((line) => line.replace(/^(<\d+>1) \S+ \S+ (\S+) \d+/, '$1 $2'));
  }, 30_000);
  const once = ['<142>1 web-box - - one', '<139>1 web-box - - bad', '<142>1 web-box - - tail'];
  expect(sent.filter((line) => line !== '').toSorted()).toEqual([...once, ...once].toSorted());
  expect(await place.run(['logs', '--tail', '1', 'web'])).toContain('tail');
  expect(await place.run(['inspect', '-f', '{{.HostConfig.LogConfig.Type}}', 'web'])).toBe('syslog\n');
});

it('sends datagrams, lines of any length in pieces', async () => {
  const receiver = createSocket('udp4');
  const outside = place.address.replace(/\.2$/, '.1');
  await new Promise<void>((resolve) => receiver.bind(0, outside, resolve));
  onTestFinished(() => void receiver.close());
  const packets: string[] = [];
  receiver.on('message', (bytes) => packets.push(String(bytes)));
  const address = `syslog-address=udp://${outside}:${receiver.address().port}`;
  await place.run(run(['--rm', '--name', 'long'], [address], 'head -c 20000 /dev/zero | tr "\\0" a; echo'));
  await expect.poll(() => packets).toHaveLength(2);
  expect(packets[0]).toMatch(/^<30>\w{3} [\d ]\d [\d:]{8} \S+ [0-9a-f]{12}\[\d+\]: a{16384}$/);
  expect(packets[1]).toMatch(/: a{3616}$/);
});

/** A syslog that speaks only TLS, and only to who has a certificate of its own authority. */
async function tlsSyslog() {
  const outside = place.address.replace(/\.2$/, '.1');
  const { tls, caFile, ca } = await createAuthority(join(place.folder, 'syslog-ca'), [outside]);
  const received: Promise<string>[] = [];
  const server = createTlsServer(
    {
      cert: await readFile(tls.certificate),
      key: await readFile(tls.key),
      ...{ ca, requestCert: true, rejectUnauthorized: true },
    },
    (socket) => void received.push(text(socket)),
  );
  await new Promise<void>((resolve) => server.listen(0, outside, resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = await signClientCertificate(join(place.folder, 'syslog-ca'), caFile);
  const own = [`syslog-tls-cert=${client.certificate}`, `syslog-tls-key=${client.key}`];
  return { address: `syslog-address=tcp+tls://${outside}:${port}`, caFile, own, received };
}

it('sends over TLS, with a certificate of its own, to who has one that is trusted', async () => {
  const { address, caFile, own, received } = await tlsSyslog();
  const trusted = [address, `syslog-tls-ca-cert=${caFile}`, ...own];
  const sent = () =>
    vi.waitFor(async () => {
      const all = (await Promise.all(received)).join('');
      expect(all).toContain('ü\n');
      received.length = 0;
      return all.split('\n').toSorted().slice(1);
    }, 10_000);
  const script = 'echo one; printf "Quit\\nü" >&2';
  const flags = (name: string) => ['--rm', '--name', name];
  await place.run(run(flags('log-a'), [...trusted, 'tag={{.Name}}'], script));
  const at = String.raw`\w{3} [\d ]\d [\d:]{8} \S+ log-a\[\d+\]:`;
  expect(await sent()).toEqual(
    [`<27>${at} Quit`, `<27>${at} ü`, `<30>${at} one`].map((line) => expect.stringMatching(`^${line}$`)),
  );
  await place.run(run(flags('log-b'), [...trusted, 'tag={{.Name}} b', 'syslog-format=rfc5424'], script));
  const messages = await sent();
  const ends = messages.map((line) => line.replace(/^\d+ (<\d+>)1 \S+Z \S+ log-b_b \d+/, '$1'));
  expect(ends.toSorted()).toEqual(['<27> - - Quit', '<27> - - ü', '<30> - - one']);
  for (const message of messages)
    expect(Buffer.byteLength(`${message.replace(/^\d+ /, '')}\n`)).toBe(parseInt(message, 10));
});

it('trusts no other syslog over TLS, unless told not to look', async () => {
  const { address, caFile, own } = await tlsSyslog();
  const refused = async (options: readonly string[]) =>
    (await place.tryRun(run(['--rm'], options, 'true'))).stderr;
  expect(await refused([address, ...own])).toMatch(/log driver syslog: tcp\+tls:.*certificate/);
  expect(await refused([address, `syslog-tls-ca-cert=${caFile}.not`])).toContain('ENOENT');
  expect(await refused([address, own[0] ?? ''])).toContain('go together');
  expect(await refused([address.replace('+tls', ''), `syslog-tls-ca-cert=${caFile}`])).toContain('needs');
  expect(await refused([address, ...own, 'syslog-tls-skip-verify=true'])).toBe('');
});

it('is refused where nothing listens', async () => {
  const refused = async (option: string) => (await place.tryRun(run(['--rm'], [option], 'true'))).stderr;
  expect(await refused('syslog-address=unixgram:///no/such')).toContain('nothing listens at /no/such');
  expect(await refused('syslog-address=tcp://127.0.0.1:9')).toContain('ECONNREFUSED');
});
