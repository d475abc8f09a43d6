import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type AnswerHead, type BodyFraming, framingOf, parseHead } from './body-framing.js';
import { brokenAnswer } from './broken-answer.js';

export type Origin = Readonly<{ protocol: string; hostname: string; port?: number | undefined }>;

export type ConnectionOptions = Readonly<{
  /** Of the memory that bodies are read into. */
  bufferBytes: number;
  connectMs: number;
  /** Fails where no byte comes for so long while one is waited for. */
  silenceMs: number;
  /** Is closed after so long without a request. */
  idleMs: number;
  tls: Readonly<{ rejectUnauthorized: boolean; ca?: string }>;
}>;

const MAX_HEAD_BYTES = 64 * 1024;
/** A record of TLS has no more, and is handed on by itself. */
const RECORD_BYTES = 16 * 1024;
const NO_BYTES = Buffer.alloc(0);
const HEAD_END = '\r\n\r\n';

type Waiting = Readonly<{ resolve: () => void; reject: (error: Error) => void }>;

/**
 * A connection for GETs of large objects, one after the other. The system writes their bytes into one piece of memory, which
 * is lent to whoever sends them on: nothing is copied and nothing left to be collected, and the service waits meanwhile.
 * Node's own client makes a buffer for each 64 KiB that it receives, and another one for the copy that it hands on.
 */
export class BodyConnection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #memory: Buffer;
  /** Bytes of TLS are put together in memory, as they come in small pieces. */
  readonly #encrypted: boolean;
  #state: 'idle' | 'head' | 'body' = 'idle';
  #head = NO_BYTES;
  #answer: AnswerHead | undefined;
  #framing: BodyFraming | undefined;
  /** What came of the body and was not taken yet. */
  #ready: Uint8Array = NO_BYTES;
  /** What TLS had in hand when memory was full or lent. */
  #surplus: Uint8Array[] = [];
  #lent = false;
  #waiting: Waiting | undefined;
  #failure: Error | undefined;

  constructor({ protocol, hostname, port }: Origin, options: ConnectionOptions) {
    this.#options = options;
    this.#encrypted = protocol === 'https:';
    this.#memory = Buffer.allocUnsafeSlow(options.bufferBytes);
    const host = hostname.replace(/^\[|\]$/g, '');
    const callback = (count: number, { buffer, byteOffset }: Uint8Array) =>
      this.#received(Buffer.from(buffer, byteOffset, count));
    if (this.#encrypted) {
      const servername = isIP(host) === 0 ? host : '';
      const onread = { buffer: Buffer.allocUnsafeSlow(RECORD_BYTES), callback };
      const how = { host, port: port ?? 443, servername, ...options.tls, onread };
      this.#socket = connectTls(how);
    } else {
      const onread = { buffer: this.#memory, callback };
      this.#socket = connectPlain({ host, port: port ?? 80, onread });
    }
    this.#socket.setNoDelay(true);
    this.#socket.setTimeout(options.connectMs);
    this.#socket.once('connect', () => this.#socket.setTimeout(options.silenceMs));
    this.#socket.on('timeout', () => this.#silent());
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(brokenAnswer('the connection was closed', 'ECONNRESET')));
  }

  /** Whether it takes a request. */
  get idle(): boolean {
    return this.#state === 'idle' && this.#failure === undefined;
  }

  onceClosed(closed: () => void): void {
    this.#socket.once('close', closed);
  }

  /** @param head of a request without a body. @returns that of the answer, whose body is to be taken then. */
  async request(head: string): Promise<AnswerHead> {
    this.#answer = undefined;
    this.#framing = undefined;
    this.#state = 'head';
    this.#socket.ref();
    this.#socket.write(head, 'latin1');
    for (;;) {
      if (this.#answer) return this.#answer;
      await this.#more();
    }
  }

  /** @returns the next bytes of the body, to be read before the next call; none at its end, from which on it is idle. */
  async take(): Promise<Uint8Array> {
    this.#lent = false;
    for (;;) {
      if (this.#surplus.length > 0) for (const bytes of this.#surplus.splice(0)) this.#keep(bytes);
      if (this.#ready.byteLength > 0) {
        const ready = this.#ready;
        this.#ready = NO_BYTES;
        this.#lent = true;
        return ready;
      }
      if (this.#framing?.done) {
        this.#rest();
        return NO_BYTES;
      }
      if (this.#failure && this.#framing?.endsWithConnection) return NO_BYTES;
      await this.#more();
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      this.#waiting = { resolve, reject };
      // The clock may have run out while nothing was waited for.
      if (!this.#socket.connecting) this.#socket.setTimeout(this.#options.silenceMs);
      this.#socket.resume();
    });
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    // A body that ends with the connection ended well.
    if (this.#framing?.endsWithConnection) this.#wake();
    else this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  /** Reads on, to notice when the service closes the connection. */
  #rest(): void {
    if (this.#answer?.version === '1.0' || /\bclose\b/i.test(this.#answer?.headers.connection ?? '')) {
      this.#socket.destroy();
      return;
    }
    this.#state = 'idle';
    this.#socket.setTimeout(this.#options.idleMs);
    this.#socket.unref();
    this.#socket.resume();
  }

  #silent(): void {
    const idle = this.#state === 'idle';
    if (!idle && !this.#waiting) return; // the one who takes is slow, not the service
    this.#socket.destroy(idle ? undefined : brokenAnswer('nothing came for too long', 'ETIMEDOUT'));
  }

  /** @returns whether more may come now. */
  #received(bytes: Buffer): boolean {
    try {
      if (this.#state === 'head') return this.#readHead(bytes);
      if (this.#framing === undefined || this.#state === 'idle') throw brokenAnswer('nothing was asked');
      return this.#readBody(this.#framing, bytes);
    } catch (error) {
      this.#socket.destroy(error as Error);
      return false;
    }
  }

  #readHead(bytes: Buffer): boolean {
    const all = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]);
    const end = all.indexOf(HEAD_END);
    if (end < 0) {
      if (all.length > MAX_HEAD_BYTES) throw brokenAnswer('its headers have no end');
      this.#head = Buffer.from(all);
      return true;
    }
    this.#head = NO_BYTES;
    const answer = parseHead(all.toString('latin1', 0, end));
    const rest = all.subarray(end + HEAD_END.length);
    // RFC 9110 section 15.2: not the answer yet.
    if (answer.statusCode < 200) return rest.length === 0 || this.#readHead(rest);
    this.#answer = answer;
    this.#framing = framingOf(answer);
    this.#state = 'body';
    this.#readBody(this.#framing, rest);
    this.#wake();
    return false;
  }

  #readBody(framing: BodyFraming, bytes: Uint8Array): boolean {
    const content = framing.content(bytes);
    if (this.#encrypted) {
      // What else was decrypted together with it comes in this turn.
      if (this.#waiting && this.#ready.byteLength === 0) setImmediate(() => this.#wake());
      return this.#keep(content);
    }
    if (content.byteLength === 0 && !framing.done) return true;
    this.#ready = content;
    this.#wake();
    return false;
  }

  /** Copies what came in memory that is written to again at once. @returns whether there is room for more. */
  #keep(bytes: Uint8Array): boolean {
    if (bytes.byteLength === 0) return true;
    const filled = this.#ready.byteLength;
    if (this.#lent || this.#surplus.length > 0 || filled + bytes.byteLength > this.#memory.length) {
      this.#surplus.push(Uint8Array.from(bytes));
      return false;
    }
    this.#memory.set(bytes, filled);
    this.#ready = this.#memory.subarray(0, filled + bytes.byteLength);
    return this.#memory.length - this.#ready.byteLength >= RECORD_BYTES;
  }
}
