import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  jsonFileLine,
  logPlanOf,
  type ReadLogOptions,
  readLog,
  rotateLog,
  utcTime,
  utcTimeOfUnix,
} from '../../../src/runtime/logs/index.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
let log: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  log = join(folder.path, 'ctr.log');
});
afterEach(() => folder[Symbol.asyncDispose]());

/** As conmon writes it. */
const line = (second: number, rest: string) =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000001+00:00 ${rest}\n`;
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => line(0, `stdout F line ${from + i}`)).join('');

async function read(options: ReadLogOptions = {}): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of readLog(log, options)) texts.push(text.toString());
  return texts;
}

const OVER_TLS = { 'syslog-address': 'tcp+tls://a:1' };

describe('readLog', () => {
  it('joins parts of lines, each stream by itself, and passes on what has not ended', async () => {
    writeFileSync(
      log,
      line(1, 'stdout P a') +
        line(2, 'stderr F e') +
        line(3, 'stdout P b') +
        'damaged\n' +
        line(4, 'stdout F c') +
        line(5, 'stdout F ') +
        line(6, 'stderr P no end'),
    );
    expect(await read()).toEqual(['e\n', 'abc\n', '\n', 'no end']);
    expect(await read({ lines: 'parts', streams: ['stdout'] })).toEqual(['a', 'b', 'c\n', '\n']);
    const [first] = await Array.fromAsync(readLog(log, { streams: ['stdout'] }));
    expect(first).toMatchObject({ time: '2026-01-01T00:00:01.000000001Z', isPartial: false });
  });

  it('ends where the log ended when it was asked for, unless it follows', async () => {
    writeFileSync(log, numbered(0, 3));
    const texts: string[] = [];
    for await (const { text } of readLog(log, { tail: 2 })) {
      texts.push(text.toString());
      appendFileSync(log, numbered(3, 5));
    }
    expect(texts).toEqual(['line 1\n', 'line 2\n']);
  });

  it('knows no log, and an empty one', async () => {
    expect(await read({ tail: 3 })).toEqual([]);
    writeFileSync(log, '');
    expect(await read({ tail: 3 })).toEqual([]);
  });

  it.each([
    { options: { tail: 0 }, first: undefined, count: 0 },
    { options: { tail: 1 }, first: 'line 29999\n', count: 1 },
    { options: { tail: 12_000 }, first: 'line 18000\n', count: 12_000 },
    { options: { tail: 25_000 }, first: 'line 5000\n', count: 25_000 },
    { options: { tail: 30_000 }, first: 'line 0\n', count: 30_000 },
    { options: { tail: 99_999 }, first: 'line 0\n', count: 30_000 },
    { options: {}, first: 'line 0\n', count: 30_000 },
  ])('crosses files that were rotated: $options', async ({ options, first, count }) => {
    writeFileSync(`${log}.2`, numbered(0, 10_000));
    writeFileSync(`${log}.1`, numbered(10_000, 20_000));
    writeFileSync(log, numbered(20_000, 30_000));
    const texts = await read(options);
    expect([texts[0], texts.length]).toEqual([first, count]);
    expect(texts.at(-1)).toBe(count === 0 ? undefined : 'line 29999\n');
  });

  it('counts lines of the wanted stream, and one that has not ended', async () => {
    const rows = ['stdout F 1', 'stdout F 2', 'stderr F x', 'stderr F y', 'stdout P 3'];
    writeFileSync(log, rows.map((row, i) => line(i, row)).join(''));
    expect(await read({ tail: 2, streams: ['stdout'] })).toEqual(['2\n', '3']);
    expect(await read({ tail: 1, streams: ['stderr'] })).toEqual(['y\n']);
  });

  it('keeps to times', async () => {
    writeFileSync(log, [1, 2, 3, 4].map((second) => line(second, `stdout F ${second}`)).join(''));
    const since = utcTime('2026-01-01T01:00:02.000000001+01:00') ?? '';
    expect(await read({ since, until: '2026-01-01T00:00:03.5Z' })).toEqual(['2\n', '3\n']);
  });

  it('follows over rotations until the container has ended', async () => {
    const ended = new AbortController();
    writeFileSync(log, line(1, 'stdout F old') + line(1, 'stdout F 0'));
    const lines = readLog(log, { tail: 1, follow: { ended: ended.signal } });
    const texts = [(await lines.next()).value?.text.toString()];
    const reading = (async () => {
      for await (const { text } of lines) texts.push(text.toString());
    })();
    for (let i = 1; i < 40; i += 1) {
      appendFileSync(log, line(1, `stdout F ${i}`));
      if (i % 4 === 0) {
        // Nobody who is later than this would have what is removed.
        if (i > 8) await expect.poll(() => texts).toContain(`late ${i - 8}\n`);
        rmSync(`${log}.2`, { force: true });
        if (i > 4) renameSync(`${log}.1`, `${log}.2`);
        renameSync(log, `${log}.1`);
        appendFileSync(`${log}.1`, line(1, `stdout F late ${i}`)); // conmon writes on until it is told
        writeFileSync(log, '');
      }
      await setTimeout(20);
    }
    appendFileSync(log, line(2, 'stdout P no end'));
    ended.abort();
    await reading;
    const expected = Array.from({ length: 40 }, (_, i) =>
      i % 4 === 0 && i > 0 ? [`${i}\n`, `late ${i}\n`] : [`${i}\n`],
    );
    expect(texts).toEqual([...expected.flat(), 'no end']);
  });

  it('follows a log that is not there yet, until somebody has seen enough', async () => {
    const [ended, enough] = [new AbortController(), new AbortController()];
    const lines = readLog(log, { follow: { ended: ended.signal }, signal: enough.signal });
    const first = lines.next();
    writeFileSync(log, line(1, 'stdout F a'));
    expect((await first).value?.text.toString()).toBe('a\n');
    const second = lines.next();
    enough.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
  });
});

describe('times', () => {
  it.each([
    { text: '2026-01-01T00:00:00Z', expected: '2026-01-01T00:00:00.000000000Z' },
    { text: '2026-01-01T00:00:00.12-05:30', expected: '2026-01-01T05:30:00.120000000Z' },
    { text: 'yesterday', expected: undefined },
  ])('of RFC 3339: $text', ({ text, expected }) => expect(utcTime(text)).toBe(expected));
  it.each([
    { text: '1700000000.123456789', expected: '2023-11-14T22:13:20.123456789Z' },
    { text: '0', expected: '1970-01-01T00:00:00.000000000Z' },
    { text: '1.2.3', expected: undefined },
  ])('since the epoch: $text', ({ text, expected }) => expect(utcTimeOfUnix(text)).toBe(expected));
});

it('shows lines as docker keeps them', () =>
  expect(
    jsonFileLine({
      time: '2026-01-01T00:00:00.000000001Z',
      stream: 'stderr',
      text: Buffer.from([0x3c, 0xff, 0x0a]),
      isPartial: false,
    }),
  ).toBe('{"log":"\\u003c\ufffd\\n","stream":"stderr","time":"2026-01-01T00:00:00.000000001Z"}\n'));

describe('LogConfig', () => {
  it.each([
    { config: {}, plan: { driver: 'json-file', limits: { maxBytes: 10_000_000, maxFiles: 3 } } },
    { config: { Config: { 'max-size': '10k' } }, plan: { limits: { maxBytes: 10_000, maxFiles: 1 } } },
    {
      config: { Config: { 'max-size': '1.5m', 'max-file': '2' } },
      plan: { limits: { maxBytes: 1_500_000, maxFiles: 2 } },
    },
    { config: { Type: 'none' }, plan: { driver: 'none' } },
    {
      config: {
        Type: 'syslog',
        Config: { 'syslog-address': 'tcp://[::1]:5514', 'syslog-facility': 'local7' },
      },
      plan: {
        driver: 'json-file',
        syslog: { place: { kind: 'tcp', host: '::1', port: 5514 }, facility: 23, format: '', tag: '{{.ID}}' },
      },
    },
    {
      config: { Type: 'syslog', Config: { 'syslog-address': 'udp://logs.lan' } },
      plan: { syslog: { place: { kind: 'udp', host: 'logs.lan', port: 514 }, facility: 3 } },
    },
    { config: { Type: 'syslog' }, plan: { syslog: { place: { kind: 'unixgram', path: '/dev/log' } } } },
    {
      config: { Type: 'syslog', Config: { ...OVER_TLS, 'syslog-tls-ca-cert': '/not/read/yet' } },
      plan: {
        syslog: {
          place: { kind: 'tcp+tls', host: 'a', port: 1, tls: { ca: '/not/read/yet', verify: true } },
        },
      },
    },
    {
      config: { Type: 'syslog', Config: { ...OVER_TLS, 'syslog-tls-skip-verify': '1' } },
      plan: { syslog: { place: { tls: { verify: false } } } },
    },
  ])('of $config', ({ config, plan }) => expect(logPlanOf(config)).toMatchObject(plan));
  it.each([
    { config: { Type: 'splunk' }, message: "no log driver named 'splunk'" },
    { config: { Config: { odd: '1' } }, message: "unknown log opt 'odd' for json-file log driver" },
    { config: { Config: { 'max-size': 'x' } }, message: 'max-size must be a positive number' },
    { config: { Config: { 'max-file': '0' } }, message: 'max-file cannot be less than 1' },
    {
      config: { Type: 'syslog', Config: { 'syslog-address': 'tcp+ssl://a:1' } },
      message: 'syslog-address should be in form proto://address, got tcp+ssl://a:1',
    },
    {
      config: { Type: 'syslog', Config: { ...OVER_TLS, 'syslog-tls-ca-cert': 'ca.pem' } },
      message: 'syslog-tls-ca-cert should be a whole path',
    },
    {
      config: { Type: 'syslog', Config: { ...OVER_TLS, 'syslog-tls-key': '/key' } },
      message: 'syslog-tls-cert and syslog-tls-key go together',
    },
    {
      config: { Type: 'syslog', Config: { ...OVER_TLS, 'syslog-tls-skip-verify': 'perhaps' } },
      message: 'syslog-tls-skip-verify is true or false, not "perhaps"',
    },
    {
      config: { Type: 'syslog', Config: { 'syslog-address': 'tcp://a:1', 'syslog-tls-skip-verify': 'true' } },
      message: 'syslog-tls-skip-verify needs syslog-address=tcp+tls://HOST:PORT',
    },
    { config: { Type: 'syslog', Config: { 'syslog-facility': 'odd' } }, message: 'invalid syslog facility' },
    { config: { Type: 'syslog', Config: { tag: '{{.Label}}' } }, message: 'invalid tag "{{.Label}}"' },
    { config: { Type: 'syslog', Config: { 'max-size': '1m' } }, message: "unknown log opt 'max-size'" },
  ])('refuses $config', ({ config, message }) => expect(() => logPlanOf(config)).toThrow(message));
});

describe('rotateLog', () => {
  it('of a container that has ended moves files only when they are large', async () => {
    const place = { log, ctl: join(folder.path, 'ctl') };
    const limits = { maxBytes: 1000, maxFiles: 2 };
    writeFileSync(log, numbered(0, 5));
    expect(await rotateLog(place, limits)).toBe(false);
    appendFileSync(log, numbered(5, 100));
    expect(await rotateLog(place, limits)).toBe(true);
    writeFileSync(log, numbered(100, 200));
    await rotateLog(place, limits);
    expect((await read())[0]).toBe('line 100\n');
  });
});
