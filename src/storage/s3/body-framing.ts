import { brokenAnswer } from './broken-answer.js';

/** The head of an answer, names of headers in lower case. */
export type AnswerHead = Readonly<{
  version: string;
  statusCode: number;
  headers: Readonly<Record<string, string>>;
}>;

/** Tells the body of an answer from what is around it. RFC 9112 section 6. */
export interface BodyFraming {
  /** Whether the body is over. */
  readonly done: boolean;
  /** Whether it is over when the connection is. */
  readonly endsWithConnection: boolean;
  /** @returns what of the bytes that came is of the body; they may be moved for that, within their memory. */
  content(bytes: Uint8Array): Uint8Array;
}

/** @throws a {@link brokenAnswer} */
export function parseHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n');
  const [, version = '', status = ''] = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/.exec(first) ?? [];
  if (status === '') throw brokenAnswer('it does not speak HTTP/1');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw brokenAnswer('its headers cannot be read');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { version, statusCode: Number(status), headers };
}

export function framingOf({ headers }: AnswerHead): BodyFraming {
  if (/\bchunked$/i.test(headers['transfer-encoding'] ?? '')) return new ChunkedFraming();
  const length = headers['content-length'];
  if (length === undefined) return UNTIL_CLOSED;
  if (!/^\d+$/.test(length)) throw brokenAnswer('its length is no number');
  return new LengthFraming(Number(length));
}

const UNTIL_CLOSED: BodyFraming = { done: false, endsWithConnection: true, content: (bytes) => bytes };

class LengthFraming implements BodyFraming {
  readonly endsWithConnection = false;
  #rest: number;

  constructor(length: number) {
    this.#rest = length;
  }

  get done(): boolean {
    return this.#rest === 0;
  }

  content(bytes: Uint8Array): Uint8Array {
    if (bytes.byteLength > this.#rest) throw brokenAnswer('it is longer than it said');
    this.#rest -= bytes.byteLength;
    return bytes;
  }
}

const LINE_FEED = 10;
const MAX_LINE = 8192;

/** RFC 9112 section 7.1. Chunks are put together where they lie, as readers want pieces that are as large as can be. */
class ChunkedFraming implements BodyFraming {
  readonly endsWithConnection = false;
  #state: 'size' | 'data' | 'end of data' | 'trailers' | 'done' = 'size';
  #line = '';
  #rest = 0;

  get done(): boolean {
    return this.#state === 'done';
  }

  content(bytes: Uint8Array): Uint8Array {
    let filled = 0;
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#state === 'done') throw brokenAnswer('it is longer than it said');
      if (this.#state !== 'data') {
        at = this.#readLine(bytes, at);
        continue;
      }
      const end = Math.min(bytes.byteLength, at + this.#rest);
      bytes.copyWithin(filled, at, end);
      filled += end - at;
      this.#rest -= end - at;
      at = end;
      if (this.#rest === 0) this.#state = 'end of data';
    }
    return bytes.subarray(0, filled);
  }

  /** @returns where what follows begins. */
  #readLine(bytes: Uint8Array, at: number): number {
    const found = bytes.indexOf(LINE_FEED, at);
    const end = found < 0 ? bytes.byteLength : found + 1;
    this.#line += Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
    if (this.#line.length > MAX_LINE) throw brokenAnswer('its chunks cannot be read');
    if (found >= 0) {
      this.#endLine(this.#line.trimEnd());
      this.#line = '';
    }
    return end;
  }

  #endLine(line: string): void {
    if (this.#state === 'end of data') {
      if (line !== '') throw brokenAnswer('its chunks cannot be read');
      this.#state = 'size';
    } else if (this.#state === 'trailers') {
      if (line === '') this.#state = 'done';
    } else {
      const [, size] = /^([0-9a-f]{1,12})\s*(?:;|$)/i.exec(line) ?? [];
      if (size === undefined) throw brokenAnswer('its chunks cannot be read');
      this.#rest = Number.parseInt(size, 16);
      this.#state = this.#rest === 0 ? 'trailers' : 'data';
    }
  }
}
