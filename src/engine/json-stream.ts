import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/**
 * An answer of many JSON objects, each on a line of its own that is sent at once. It begins with the first of them: until
 * then, an error can still be an answer by itself.
 */
export class JsonStream {
  readonly #answer: ServerResponse;

  constructor(answer: ServerResponse) {
    this.#answer = answer;
  }

  get hasBegun(): boolean {
    return this.#answer.headersSent;
  }

  /** Whether a client that does not read fast enough would make lines pile up. */
  get isFull(): boolean {
    return this.#answer.writableNeedDrain;
  }

  /** Sends the headers, when something may be long in coming. */
  begin(): void {
    if (this.hasBegun) return;
    this.#answer.writeHead(200, { 'Content-Type': 'application/json' });
    this.#answer.flushHeaders();
  }

  write(line: object): void {
    this.begin();
    if (this.#answer.writable) this.#answer.write(`${JSON.stringify(line)}\r\n`);
  }

  /** Until the client has read what was written. */
  async drained(signal: AbortSignal): Promise<void> {
    if (this.isFull) await once(this.#answer, 'drain', { signal });
  }

  /** In the midst of a stream: both members, as old clients know only the second. */
  fail(message: string, code?: number): void {
    this.write({ errorDetail: { ...(code !== undefined && { code }), message }, error: message });
  }

  end(): void {
    this.begin();
    this.#answer.end();
  }
}
