import type { ClientRequest, IncomingMessage } from 'node:http';
import type { SilenceWatch } from './silence.js';

/** The body of an answer is larger than anything we would read of its kind. */
export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';
}

/** So much of a body that nobody wants is read to keep the connection. */
const MAX_DISCARD_BYTES = 64 * 1024;

/** An HTTP answer whose body is still to be read, or to be discarded. */
export class HttpAnswer {
  readonly url: URL;
  readonly status: number;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ClientRequest;
  readonly #silence: SilenceWatch;
  readonly #signal: AbortSignal | undefined;

  constructor(
    incoming: IncomingMessage,
    request: Readonly<{
      url: URL;
      outgoing: ClientRequest;
      silence: SilenceWatch;
      signal: AbortSignal | undefined;
    }>,
  ) {
    this.url = request.url;
    this.status = incoming.statusCode ?? 0;
    this.#incoming = incoming;
    this.#outgoing = request.outgoing;
    this.#silence = request.silence;
    this.#signal = request.signal;
    incoming.on('error', () => {}); // whoever reads the body is told
  }

  header(name: string): string | undefined {
    const value = this.#incoming.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** All headers of that name, one by one. */
  headerLines(name: string): readonly string[] {
    return this.#incoming.headersDistinct[name] ?? [];
  }

  /** `undefined` when the answer does not say, or says nonsense. */
  get contentLength(): number | undefined {
    const text = this.header('content-length');
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  /** `type/subtype`, without parameters. */
  get contentType(): string {
    return (this.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  }

  /** The body, once. Whoever stops early closes the connection. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    this.#silence.wait('the registry sent nothing');
    try {
      for await (const chunk of this.#incoming) {
        this.#silence.pause();
        yield chunk;
        this.#silence.wait('the registry sent nothing');
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw error;
    } finally {
      this.#end();
    }
  }

  /** @throws {AnswerTooLargeError} */
  async bytes(maxBytes: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.chunks()) {
      size += chunk.length;
      if (size > maxBytes) throw new AnswerTooLargeError(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }

  /** Reads a short rest, so that the connection can be used again; a long one is cut off. */
  async discard(): Promise<void> {
    try {
      await this.bytes(MAX_DISCARD_BYTES);
    } catch {
      this.#signal?.throwIfAborted();
    }
  }

  #end(): void {
    this.#silence[Symbol.dispose]();
    // An answer to half a request: the rest will never be sent, so nothing else can be.
    if (!this.#outgoing.writableFinished) this.#outgoing.destroy();
  }
}
