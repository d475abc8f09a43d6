import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { afterFailure } from '../support/after-failure.js';
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

it('is refused where nothing listens', async () => {
  const refused = async (option: string) => (await place.tryRun(run(['--rm'], [option], 'true'))).stderr;
  expect(await refused('syslog-address=unixgram:///no/such')).toContain('nothing listens at /no/such');
  expect(await refused('syslog-address=tcp://127.0.0.1:9')).toContain('ECONNREFUSED');
});
