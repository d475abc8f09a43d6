import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastWords, RuntimeError } from '../errors.js';
import { findProgram, requiredProgram, startProgram } from '../programs.js';
import type { LogRecord } from './log-record.js';
import type { ReadLogOptions } from './read-log.js';

type JournalRecord = LogRecord & Readonly<{ cursor: string }>;

const SOCKET = '/run/systemd/journal/socket';
const LINE_FEED = 10;
const STREAMS: Readonly<Record<string, LogRecord['stream']>> = { 3: 'stderr', 6: 'stdout' };
/** How long the journal is given to take what was sent to it. */
const SYNC_MS = 2000;

/** Whether somebody listens here to what is for the journal. */
export function hasJournal(): boolean {
  return existsSync(SOCKET) && findProgram('journalctl') !== undefined;
}

/** What conmon sent to the journal of a container. @throws the signal's reason. @throws {RuntimeError} it cannot be read. */
export async function* readJournal(
  id: string,
  { tail, follow, signal }: Pick<ReadLogOptions, 'tail' | 'follow' | 'signal'>,
  isWanted: (record: LogRecord) => boolean,
): AsyncGenerator<LogRecord> {
  const range: LastLines = tail === undefined ? {} : await lastLines(id, { tail, signal }, isWanted);
  let cursor = range.after;
  if (follow && !follow.ended.aborted) {
    for await (const record of entries(id, { follow: true, cursor, until: follow.ended, signal })) {
      cursor = record.cursor;
      yield record;
    }
  }
  if (follow === undefined && cursor !== undefined && cursor === range.last) return; // not one line was asked for
  await synced(signal);
  for await (const record of entries(id, { cursor, signal })) {
    yield record;
    if (follow === undefined && record.cursor === range.last) return;
  }
}

/** `after` is the place before them, where there are more, and `last` that of their end. */
type LastLines = Readonly<{ after?: string; last?: string }>;

/** The last lines there are now. */
async function lastLines(
  id: string,
  { tail, signal }: Readonly<{ tail: number; signal: AbortSignal | undefined }>,
  isWanted: (record: LogRecord) => boolean,
): Promise<LastLines> {
  await synced(signal);
  let lines = 0;
  let last: string | undefined;
  for await (const record of entries(id, { reverse: true, signal })) {
    last ??= record.cursor;
    if (!isWanted(record) || record.isPartial) continue;
    lines += 1;
    if (lines > tail) return { after: record.cursor, last };
  }
  return last === undefined ? {} : { last };
}

/** What was sent is there; where that cannot be asked for, soon. */
async function synced(signal: AbortSignal | undefined): Promise<void> {
  const sync = startProgram(program(), ['--sync'], { stdio: 'ignore', timeout: SYNC_MS });
  const code = await new Promise((resolve) => sync.once('error', resolve).once('exit', resolve));
  if (code !== 0) await sleep(100);
  signal?.throwIfAborted();
}

type EntriesOptions = Readonly<{
  follow?: boolean;
  reverse?: boolean;
  /** Only what comes after it. */
  cursor?: string | undefined;
  /** Ends what would go on. */
  until?: AbortSignal;
  signal: AbortSignal | undefined;
}>;

async function* entries(id: string, options: EntriesOptions): AsyncGenerator<JournalRecord> {
  const { follow = false, reverse = false, cursor, until, signal } = options;
  const args = [
    ...['--output=json', '--all', '--no-pager', '--quiet', '--lines=all'],
    ...(follow ? ['--follow'] : []),
    ...(reverse ? ['--reverse'] : []),
    ...(cursor === undefined ? [] : [`--after-cursor=${cursor}`]),
    `CONTAINER_ID_FULL=${id}`,
  ];
  const child = startProgram(program(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-2000);
  });
  const ended = new Promise((resolve) => child.once('error', resolve).once('close', resolve));
  const stop = () => child.kill();
  const signals = [until, signal].filter((one) => one !== undefined);
  const isStopped = () => signals.some(({ aborted }) => aborted);
  for (const one of signals) one.addEventListener('abort', stop);
  if (isStopped()) stop();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const record = parseEntry(line, isStopped);
      if (record) yield record;
    }
    signal?.throwIfAborted();
    const code = await ended;
    // A signal was ours; without an entry the code may be 1, and nothing is said.
    if (typeof code !== 'number' ? code !== null : code !== 0 && complaint !== '')
      throw new RuntimeError(`the journal cannot be read: ${lastWords(complaint)}`);
  } finally {
    for (const one of signals) one.removeEventListener('abort', stop);
    stop();
  }
}

/**
 * @param line an entry as journalctl's `json` has it. @param mayBeCut whether the program was stopped, perhaps in the middle
 * of it. @returns `undefined` for what is not conmon's, or not whole.
 */
function parseEntry(line: string, mayBeCut: () => boolean): JournalRecord | undefined {
  const entry = parseWhole(line, mayBeCut);
  if (entry === undefined) return undefined;
  const stream = STREAMS[String(entry.PRIORITY)];
  const microseconds = Number(entry.__REALTIME_TIMESTAMP);
  const message = bytesOf(entry.MESSAGE);
  if (stream === undefined || message === undefined || !Number.isSafeInteger(microseconds)) return undefined;
  const isPartial = entry.CONTAINER_PARTIAL_MESSAGE === 'true';
  return {
    time: timeOf(microseconds),
    stream,
    // Conmon leaves a line its end, in some versions.
    text:
      isPartial || message.at(-1) === LINE_FEED ? message : Buffer.concat([message, Buffer.of(LINE_FEED)]),
    isPartial,
    cursor: String(entry.__CURSOR),
  };
}

function parseWhole(line: string, mayBeCut: () => boolean): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    if (mayBeCut()) return undefined;
    throw error;
  }
}

/** Text that is not UTF-8 comes as numbers. */
function bytesOf(message: unknown): Buffer | undefined {
  if (typeof message === 'string') return Buffer.from(message);
  return Array.isArray(message) ? Buffer.from(message as number[]) : undefined;
}

function timeOf(microseconds: number): string {
  const below = String(microseconds % 1_000_000).padStart(6, '0');
  return `${new Date(microseconds / 1000).toISOString().slice(0, 19)}.${below}000Z`;
}

function program(): string {
  return requiredProgram('journalctl', { package: 'systemd', for: 'logs in the journal' });
}
