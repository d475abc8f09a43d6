/** What a container wrote, as conmon kept it. */
export type LogRecord = Readonly<{
  /** UTC, RFC 3339 with nine digits below the second: texts sort as times do. */
  time: string;
  stream: LogStream;
  /** With the line feed that ended it, if there was one. */
  text: Buffer;
  /** The line goes on in the next record of the stream. */
  isPartial: boolean;
}>;

export type LogStream = 'stdout' | 'stderr';

/** `TIME STREAM TAG TEXT`, conmon's and Kubernetes' format: the tag is F at the end of a line, else P. */
const HEADER = /^(\S{19,40}) (stdout|stderr) ([FP])(?::\S*)? /;
const HEADER_BYTES = 64;
const LINE_FEED = Buffer.from('\n');

/** @param line without its line feed. @returns `undefined` for a damaged one. */
export function parseLogLine(line: Buffer): LogRecord | undefined {
  const found = HEADER.exec(line.toString('latin1', 0, HEADER_BYTES));
  if (found === null) return undefined;
  const [header, written = '', stream, tag] = found;
  const time = utcTime(written);
  if (time === undefined) return undefined;
  const text = line.subarray(header.length);
  const isPartial = tag === 'P';
  return {
    time,
    stream: stream as LogStream,
    text: isPartial ? text : Buffer.concat([text, LINE_FEED]),
    isPartial,
  };
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** @param text RFC 3339, with any offset. @returns the form of {@link LogRecord}; `undefined` for what is no time. */
export function utcTime(text: string): string | undefined {
  const [, seconds = '', fraction = '', offset = ''] = TIME.exec(text) ?? [];
  if (seconds === '') return undefined;
  const nanoseconds = fraction.padEnd(9, '0');
  if (offset === 'Z' || offset === '+00:00') return `${seconds}.${nanoseconds}Z`;
  const milliseconds = Date.parse(seconds + offset);
  if (Number.isNaN(milliseconds)) return undefined;
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${nanoseconds}Z`;
}

/** @param text seconds since the epoch, `1700000000.123456789`, as the Engine API has times. */
export function utcTimeOfUnix(text: string): string | undefined {
  const [, seconds = '', fraction = ''] = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds === '') return undefined;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, -5)}.${fraction.padEnd(9, '0')}Z`;
}

/** A line of the file that docker's driver json-file keeps. */
export function jsonFileLine({ text, stream, time }: LogRecord): string {
  const json = JSON.stringify({ log: text.toString('utf8'), stream, time });
  // As Go writes JSON.
  return `${json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
}
