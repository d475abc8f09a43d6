import { dirname } from 'node:path';
import { DirectoryChanges } from './directory-changes.js';
import { LogCursor } from './log-cursor.js';
import { type LogRecord, type LogStream, parseLogLine } from './log-record.js';
import { readJournal } from './read-journal.js';
import { WholeLines } from './whole-lines.js';

/** The path of the file that conmon writes to, or the id of a container whose output the journal has. */
export type LogSource = string | Readonly<{ journalOf: string }>;

export type ReadLogOptions = Readonly<{
  /** Both, if not said otherwise. */
  streams?: readonly LogStream[];
  /** Times as records have them: see utcTime. Later than, and not later than. */
  since?: string;
  until?: string;
  /** How many lines, of the streams, from the end; all if not said otherwise. */
  tail?: number;
  /** Waits for more, until this says that the container has ended. */
  follow?: Readonly<{ ended: AbortSignal }>;
  /** Whether parts of long lines, or of lines without an end yet, are joined (so it is), or passed on as they come. */
  lines?: 'whole' | 'parts';
  signal?: AbortSignal;
}>;

/**
 * Reads the log that conmon keeps of a container, over files that were rotated away, also while that happens. Nothing when
 * there is no log. @throws the signal's reason.
 */
export async function* readLog(source: LogSource, options: ReadLogOptions = {}): AsyncGenerator<LogRecord> {
  const { streams = ['stdout', 'stderr'], since = '', until, lines = 'whole' } = options;
  const isWanted = (record: LogRecord) => streams.includes(record.stream);
  const whole = new WholeLines();
  const records =
    typeof source === 'string'
      ? readFiles(source, options, isWanted)
      : readJournal(source.journalOf, options, isWanted);
  for await (const record of records) {
    if (until !== undefined && record.time > until) break;
    if (!isWanted(record) || record.time < since) continue;
    const line = lines === 'whole' ? whole.add(record) : record;
    if (line) yield line;
  }
  yield* whole.rest();
}

async function* readFiles(
  path: string,
  { tail, follow, until, signal }: ReadLogOptions,
  isWanted: (record: LogRecord) => boolean,
): AsyncGenerator<LogRecord> {
  // Before the first look, so that nothing is missed after it.
  using changes = follow && new DirectoryChanges(dirname(path));
  await using cursor = new LogCursor(path, { follows: follow !== undefined });
  if (tail !== undefined) await cursor.seekTail(tail, isWanted);
  for (;;) {
    // Before reading: what was written until then is read.
    const isLast = changes === undefined || follow?.ended.aborted === true || msUntil(until) <= 0;
    for await (const line of cursor.lines(signal)) {
      const record = parseLogLine(line);
      if (record) yield record;
    }
    if (isLast) return;
    await changes.next([...(follow ? [follow.ended] : []), ...(signal ? [signal] : [])], msUntil(until));
  }
}

function msUntil(time: string | undefined): number {
  return time === undefined ? Number.POSITIVE_INFINITY : Date.parse(time) - Date.now();
}
