import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { MetadataIndex } from '../../index/index.js';
import type { StorageDriver } from '../../storage/index.js';
import { type Config, parseAddress } from '../config/index.js';
import { writeProbe } from '../write-probe.js';

/** Something that can be found wrong, and what follows from it. */
export type Check = Readonly<{
  /** Key in the answer of /debug/health. */
  name: string;
  /** `down` stops the API; `degraded` is only shown. */
  effect: 'down' | 'degraded';
  intervalMs: number;
  /** Failures in a row before it counts. */
  threshold: number;
  /** @throws what is wrong. */
  run: (signal: AbortSignal) => Promise<void>;
}>;

type FileCheck = Config['health']['file'][number];
type HttpCheck = Config['health']['http'][number];
type TcpCheck = Config['health']['tcp'][number];

/** Longest wait for a server, where the configuration sets no bound. */
const MAX_WAIT_MS = 30_000;
const STORAGE_INTERVAL_MS = 10_000;
/** Each probe makes the disk write: less often than the others. */
const WRITE_INTERVAL_MS = 30_000;
/** Where nobody asked for a verdict on the storage, one slow moment is not enough for it. */
const PATIENT = 3;

/** Those that the configuration names, as the reference registry has them. */
export function configuredChecks({ file, http, tcp }: Config['health']): Check[] {
  return [...file.map(fileCheck), ...http.map(httpCheck), ...tcp.map(tcpCheck)];
}

/** @throws while the file exists: that is how people take a registry out of service. */
function fileCheck({ file, interval, threshold }: FileCheck): Check {
  const run = async () => {
    const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    if (found) throw new Error('file exists');
  };
  return { name: file, effect: 'down', intervalMs: interval, threshold, run };
}

function httpCheck({ uri, headers, statuscode, timeout, interval, threshold }: HttpCheck): Check {
  const { url, credentials } = withoutCredentials(uri);
  const run = async (signal: AbortSignal) => {
    const answer = await fetch(url, {
      method: 'HEAD',
      headers: [...credentials, ...pairsOf(headers)],
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout || MAX_WAIT_MS)]),
    });
    await answer.body?.cancel();
    if (answer.status !== statuscode) throw new Error(`answered ${answer.status} instead of ${statuscode}`);
  };
  const { origin, pathname } = URL.parse(url) ?? { origin: url, pathname: '' };
  return { name: `${origin}${pathname}`, effect: 'down', intervalMs: interval, threshold, run };
}

type Header = [name: string, value: string];

function pairsOf(headers: HttpCheck['headers']): Header[] {
  return Object.entries(headers).flatMap(([name, values]) => values.map((value): Header => [name, value]));
}

/** `https://user:password@host/` asks with a header; fetch refuses such a URL, and would quote it in its error. */
function withoutCredentials(uri: string): { url: string; credentials: Header[] } {
  const url = URL.parse(uri);
  if (!url || (url.username === '' && url.password === '')) return { url: uri, credentials: [] };
  const pair = decodeURIComponent(`${url.username}:${url.password}`);
  url.username = '';
  url.password = '';
  return { url: url.href, credentials: [['Authorization', `Basic ${Buffer.from(pair).toString('base64')}`]] };
}

function tcpCheck({ addr, timeout, interval, threshold }: TcpCheck): Check {
  const address = parseAddress(addr);
  const run = async (signal: AbortSignal) => {
    if (address === undefined) throw new Error('must be an address such as db.example:5432');
    await connects({ host: 'localhost', ...address }, timeout, signal);
  };
  return { name: addr, effect: 'down', intervalMs: interval, threshold, run };
}

function connects(to: { host: string; port: number }, timeout: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...to, signal });
    const waitMs = timeout || MAX_WAIT_MS;
    socket.setTimeout(waitMs, () => socket.destroy(new Error(`no connection within ${waitMs} ms`)));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

/** Those that Berth makes by itself. */
export function ownChecks(
  parts: Readonly<{ driver: StorageDriver; index: Pick<MetadataIndex, 'check'> }>,
  options: Readonly<{ storage: Config['health']['storagedriver']; minFreeBytes: number; readOnly: boolean }>,
): Check[] {
  const { driver, index } = parts;
  const { storage, minFreeBytes, readOnly } = options;
  const every = { effect: 'degraded', intervalMs: STORAGE_INTERVAL_MS, threshold: PATIENT } as const;
  const readable: Check = {
    name: `storagedriver_${driver.name}`,
    effect: 'down',
    intervalMs: storage.enabled ? storage.interval : STORAGE_INTERVAL_MS,
    threshold: storage.enabled ? storage.threshold : PATIENT,
    run: () => readRoot(driver),
  };
  const checks: Check[] = [readable, { ...every, name: 'index', run: () => index.check() }];
  if (readOnly) return checks;
  return [
    ...checks,
    {
      ...every,
      name: 'storage_writable',
      intervalMs: WRITE_INTERVAL_MS,
      threshold: 1,
      run: writeProbe(driver),
    },
    { ...every, name: 'storage_space', threshold: 1, run: () => hasSpace(driver, minFreeBytes) },
  ];
}

/** Asks for names rather than for the directory: the answer to that may come from a cache. */
async function readRoot(driver: StorageDriver): Promise<void> {
  for await (const _ of driver.list('/')) return;
}

async function hasSpace(driver: StorageDriver, minFreeBytes: number): Promise<void> {
  const free = await driver.freeBytes();
  if (free === undefined || free >= minFreeBytes) return;
  throw new Error(
    `${mebibytes(free)} MiB are free, less than ${mebibytes(minFreeBytes)} MiB (berth.minfreespace)`,
  );
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
