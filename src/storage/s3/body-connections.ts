import { validateHeaderName, validateHeaderValue } from 'node:http';
import { BodyConnection, type ConnectionOptions, type Origin } from './body-connection.js';
import type { AnswerHead } from './body-framing.js';

/** As the SDK signs it. */
export type SignedRequest = Origin &
  Readonly<{
    method: string;
    path: string;
    query?: Readonly<Record<string, string | string[] | null>>;
    headers: Readonly<Record<string, string>>;
  }>;

/** An object on its way. It must be closed, unless it was taken to its end: others may wait for its connection. */
export interface Body {
  /** @returns the next bytes, to be read before the next call; none at the end. */
  take(): Promise<Uint8Array>;
  close(): void;
}

/** Connections at once, beyond which requests wait for one. */
const MAX_OPEN = 256;
/** Those that are kept while nobody needs them. */
const MAX_IDLE = 16;
/** Sizes of their memory: less for each of many, so that all together stay small. */
const SIZES = [
  { upTo: 8, bytes: 256 * 1024 },
  { upTo: 32, bytes: 128 * 1024 },
  { upTo: MAX_OPEN, bytes: 64 * 1024 },
] as const;

const NO_BYTES = new Uint8Array();

/** Connections of all GETs of large objects. */
export class BodyConnections implements Disposable {
  readonly #options: Omit<ConnectionOptions, 'bufferBytes'>;
  readonly #open = new Set<BodyConnection>();
  readonly #idle = new Map<BodyConnection, string>();
  readonly #waiting: (() => void)[] = [];

  constructor(options: Omit<ConnectionOptions, 'bufferBytes'>) {
    this.#options = options;
  }

  async get(request: SignedRequest): Promise<{ head: AnswerHead; body: Body }> {
    const text = requestHead(request);
    const origin = `${request.protocol}//${request.hostname}:${request.port ?? ''}`;
    for (;;) {
      const idle = this.#takeIdle(origin);
      if (!idle && this.#open.size >= MAX_OPEN) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      const connection = idle ?? this.#connect(request);
      try {
        const head = await connection.request(text);
        return { head, body: new BorrowedBody(connection, () => this.#giveBack(connection, origin)) };
      } catch (error) {
        connection.destroy();
        // The service may have closed it in this moment, not knowing of the request.
        if (!idle) throw error;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const connection of this.#open) connection.destroy();
  }

  /** The one that was used last: its memory is the likeliest to be in the processor's caches. */
  #takeIdle(origin: string): BodyConnection | undefined {
    const idle = [...this.#idle].findLast(([, to]) => to === origin)?.[0];
    if (idle) this.#idle.delete(idle);
    return idle;
  }

  #connect(to: Origin): BodyConnection {
    const bufferBytes = SIZES.find(({ upTo }) => this.#open.size < upTo)?.bytes ?? SIZES[0].bytes;
    const connection = new BodyConnection(to, { ...this.#options, bufferBytes });
    this.#open.add(connection);
    connection.onceClosed(() => {
      this.#open.delete(connection);
      this.#idle.delete(connection);
      this.#waiting.shift()?.();
    });
    return connection;
  }

  #giveBack(connection: BodyConnection, origin: string): void {
    if (!connection.idle || (this.#idle.size >= MAX_IDLE && this.#waiting.length === 0)) {
      connection.destroy();
      return;
    }
    this.#idle.set(connection, origin);
    this.#waiting.shift()?.();
  }
}

/** Has the connection until it is at its end. */
class BorrowedBody implements Body {
  #connection: BodyConnection | undefined;
  readonly #giveBack: () => void;

  constructor(connection: BodyConnection, giveBack: () => void) {
    this.#connection = connection;
    this.#giveBack = giveBack;
  }

  async take(): Promise<Uint8Array> {
    const piece = (await this.#connection?.take()) ?? NO_BYTES;
    if (piece.byteLength === 0) this.close();
    return piece;
  }

  close(): void {
    if (this.#connection === undefined) return;
    this.#connection = undefined;
    this.#giveBack();
  }
}

function requestHead({ method, path, query = {}, headers }: SignedRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((each) => `${encode(name)}=${encode(each ?? '')}`),
  );
  const lines = Object.entries(headers).map(([name, value]) => {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return `${name}: ${value}\r\n`;
  });
  return `${method} ${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** RFC 3986, as signatures want it. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
