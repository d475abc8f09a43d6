import type { LogFile } from './log-files.js';
import { type LogRecord, parseLogLine } from './log-record.js';

const BLOCK_BYTES = 64 * 1024;
const LINE_FEED = 10;

/** Where to begin: a file of the list, and a place in it. */
export type LogPosition = Readonly<{ file: number; offset: number }>;

/**
 * Finds where the last lines begin, from the end, so that a long log is not read.
 * @param files the oldest first. @param wanted of which records the lines count. A line that has not ended counts too.
 */
export async function findTail(
  files: readonly LogFile[],
  count: number,
  wanted: (record: LogRecord) => boolean,
): Promise<LogPosition> {
  let left = count;
  let isFirst = true;
  for (let file = files.length - 1; file >= 0; file -= 1) {
    const opened = files[file];
    if (opened === undefined) continue;
    for await (const { line, end } of linesBackwards(opened)) {
      const record = parseLogLine(line);
      if (record === undefined || !wanted(record)) continue;
      if (!record.isPartial || isFirst) {
        if (left === 0) return { file, offset: end };
        left -= 1;
      }
      isFirst = false;
    }
  }
  return { file: 0, offset: 0 };
}

/** @returns each line, and where it ends: after its line feed. What has no line feed yet is left out. */
async function* linesBackwards({ handle, size }: LogFile): AsyncGenerator<{ line: Buffer; end: number }> {
  let position = size;
  // What begins in an earlier block; at first what has not ended.
  let rest: Buffer = Buffer.alloc(0);
  let isEnded = false;
  while (position > 0) {
    const start = Math.max(0, position - BLOCK_BYTES);
    const block = await readBlock(handle, start, position - start);
    const text = Buffer.concat([block, rest]);
    let to = text.length;
    for (
      let at = text.lastIndexOf(LINE_FEED);
      at >= 0;
      at = at === 0 ? -1 : text.lastIndexOf(LINE_FEED, at - 1)
    ) {
      if (isEnded) yield { line: text.subarray(at + 1, to), end: start + to + 1 };
      isEnded = true;
      to = at;
    }
    rest = text.subarray(0, to);
    position = start;
  }
  if (isEnded) yield { line: rest, end: rest.length + 1 };
}

async function readBlock(handle: LogFile['handle'], start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}
