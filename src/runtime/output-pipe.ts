import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { makeFifo } from '../linux/index.js';

/** The writer is held back while this works. */
type ChunkListener = (chunk: Uint8Array) => void | Promise<void>;

/**
 * A pipe that a program writes to. Node gives its children sockets, which cannot be opened again as /dev/stdout; and a
 * real pipe holds back the program for as long as nobody reads.
 */
export class OutputPipe implements Disposable {
  /** For the program's `stdio`. */
  readonly writeEnd: number;
  /** Settles when everybody has closed the pipe and all of it was read. */
  readonly drained: Promise<void>;
  readonly #reader: Socket;
  #open = true;

  static open(directory: string, name: string, onChunk: ChunkListener): OutputPipe {
    const path = join(directory, name);
    makeFifo(path, 0o600);
    const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeEnd = openSync(path, constants.O_WRONLY);
    unlinkSync(path);
    return new OutputPipe(readEnd, writeEnd, onChunk);
  }

  private constructor(readEnd: number, writeEnd: number, onChunk: ChunkListener) {
    this.writeEnd = writeEnd;
    this.#reader = new Socket({ fd: readEnd, readable: true, writable: false });
    this.drained = this.#drain(onChunk);
    this.drained.catch(() => {}); // whoever waits for it hears of the failure
  }

  /** Once the program has its own. */
  closeWriteEnd(): void {
    if (this.#open) closeSync(this.writeEnd);
    this.#open = false;
  }

  async #drain(onChunk: ChunkListener): Promise<void> {
    for await (const chunk of this.#reader) await onChunk(chunk);
  }

  [Symbol.dispose](): void {
    this.closeWriteEnd();
    this.#reader.destroy();
  }
}
