import type { LogRecord, LogStream } from './log-record.js';

/** What nobody ends is passed on in parts. */
const MAX_LINE_BYTES = 1024 * 1024;

type Pending = { bytes: number; readonly parts: LogRecord[] };

/** Joins the parts of lines, each stream by itself; a line has the time of its first part. */
export class WholeLines {
  readonly #pending = new Map<LogStream, Pending>();

  /** @returns the line that this ends, if it does. */
  add(record: LogRecord): LogRecord | undefined {
    const pending = this.#pending.get(record.stream) ?? { bytes: 0, parts: [] };
    pending.parts.push(record);
    pending.bytes += record.text.length;
    if (record.isPartial && pending.bytes < MAX_LINE_BYTES) {
      this.#pending.set(record.stream, pending);
      return undefined;
    }
    this.#pending.delete(record.stream);
    return joined(pending.parts);
  }

  /** What has not ended, at the end of a log. */
  rest(): LogRecord[] {
    const rest = [...this.#pending.values()].map(({ parts }) => joined(parts));
    this.#pending.clear();
    return rest.sort((a, b) => (a.time < b.time ? -1 : 1));
  }
}

function joined(parts: readonly LogRecord[]): LogRecord {
  const [first, last] = [parts.at(0), parts.at(-1)];
  if (first === undefined || last === undefined) throw new TypeError('a line has one part at least');
  if (first === last) return first;
  return { ...first, text: Buffer.concat(parts.map(({ text }) => text)), isPartial: last.isPartial };
}
