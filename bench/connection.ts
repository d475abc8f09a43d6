import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The head of what came back. */
export type Answer = Readonly<{ status: number; headers: ReadonlyMap<string, string> }>;

export type Exchange = Readonly<{
  /** Request line and headers up to and including the empty line. */
  head: string;
  /** As they go over the wire, so already in chunks where the head says so. */
  body?: readonly Buffer[];
  /** Without it the body is counted and forgotten: keeping it would measure this client. */
  onBody?: (bytes: Buffer) => void;
}>;

/** How fast a client's line is. */
export type Line = Readonly<{ bytesPerSecond?: number | undefined }>;

type Waiting = Readonly<{ resolve: (answer: Answer) => void; reject: (error: Error) => void }> & Exchange;

const READ_BYTES = 1024 * 1024;
/** What a line that is not as fast as memory carries at a time. */
const LINE_BYTES = 64 * 1024;
const HEAD_END = '\r\n\r\n';
const LAST_CHUNK = '\r\n0\r\n\r\n';

/**
 * One keep-alive connection, one request at a time. Reads into one buffer for its whole life and never copies a
 * body: with `node:http` the client would cost more than the servers it measures.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #bytesPerSecond: number;
  #waiting: Waiting | undefined;
  #head = Buffer.alloc(0);
  #answer: Answer | undefined;
  /** Bytes of the body still to come; `chunked` until the last chunk was seen. */
  #rest: number | 'chunked' = 0;
  #tail = '';

  static open(port: number, line: Line = {}): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const connection = new Connection(port, line, () => resolve(connection), reject);
    });
  }

  private constructor(port: number, line: Line, opened: () => void, failed: (error: Error) => void) {
    this.#bytesPerSecond = line.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    const options = {
      port,
      host: '127.0.0.1',
      noDelay: true,
      highWaterMark: 4 * READ_BYTES,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (count: number, buffer: Uint8Array) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, count));
          return true;
        },
      },
    };
    this.#socket = connect(options, opened);
    this.#socket.on('error', (error) => {
      failed(error);
      this.#waiting?.reject(error);
    });
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
  }

  /** Bytes of the body are given to `onBody` before the promise resolves. */
  send(exchange: Exchange): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { ...exchange, resolve, reject };
      this.#socket.write(exchange.head, 'latin1');
      if (exchange.body) this.#write(exchange.body).catch(reject);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  async #write(pieces: readonly Buffer[]): Promise<void> {
    let due = performance.now();
    for (const piece of Number.isFinite(this.#bytesPerSecond) ? pieces.flatMap(inParts) : pieces) {
      if (this.#socket.destroyed) return;
      if (!this.#socket.write(piece)) await new Promise((resolve) => this.#socket.once('drain', resolve));
      due += (piece.length / this.#bytesPerSecond) * 1000;
      if (due - performance.now() >= 1) await sleep(due - performance.now());
    }
  }

  #read(bytes: Buffer): void {
    if (this.#answer) {
      this.#readBody(bytes);
      return;
    }
    this.#head = this.#head.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return;
    const body = this.#head.subarray(end + HEAD_END.length);
    this.#answer = parseHead(this.#head.toString('latin1', 0, end));
    this.#head = Buffer.alloc(0);
    if (this.#answer.status === 100) {
      this.#answer = undefined;
      if (body.length > 0) this.#read(body);
      return;
    }
    this.#rest = this.#bodyLength(this.#answer);
    this.#tail = '\r\n'; // an empty chunked body begins with its last chunk
    this.#readBody(body);
  }

  #bodyLength({ headers, status }: Answer): number | 'chunked' {
    if (this.#waiting?.head.startsWith('HEAD ') || status === 204 || status === 304) return 0;
    if (headers.get('transfer-encoding') === 'chunked') return 'chunked';
    return Number(headers.get('content-length') ?? 0);
  }

  #readBody(bytes: Buffer): void {
    if (bytes.length > 0) this.#waiting?.onBody?.(bytes);
    if (this.#rest === 'chunked') {
      // Bodies here are JSON, which cannot hold this sequence; looking for it is cheaper than reading chunks.
      const tail = bytes.toString('latin1', Math.max(0, bytes.length - LAST_CHUNK.length));
      this.#tail = `${this.#tail}${tail}`.slice(-LAST_CHUNK.length);
      if (this.#tail !== LAST_CHUNK) return;
    } else {
      this.#rest -= bytes.length;
      if (this.#rest > 0) return;
    }
    const [waiting, answer] = [this.#waiting, this.#answer];
    this.#waiting = undefined;
    this.#answer = undefined;
    if (answer) waiting?.resolve(answer);
  }
}

function inParts(piece: Buffer): Buffer[] {
  const count = Math.ceil(piece.length / LINE_BYTES);
  return Array.from({ length: count }, (_, i) => piece.subarray(i * LINE_BYTES, (i + 1) * LINE_BYTES));
}

/** Fails with what the server said: an error answer must never be counted as a fast one. */
export async function expectStatus(
  connection: Connection,
  status: number,
  exchange: Exchange,
): Promise<Answer> {
  const answer = await connection.send(exchange);
  if (answer.status !== status) {
    throw new Error(`${exchange.head.split('\r\n')[0]}: expected ${status}, got ${answer.status}`);
  }
  return answer;
}

/** A request without a body of its own. */
export function requestHead(method: string, path: string, headers: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, '', ''].join('\r\n');
}

function parseHead(text: string): Answer {
  const [first = '', ...lines] = text.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(' ')[1]), headers: new Map(headers) };
}
