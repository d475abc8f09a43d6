import type { FileHandle } from 'node:fs/promises';
import type { ByteRange, FileReader } from '../driver.js';

/** Reads a range of an open file, which it closes. */
export class FilesystemReader implements FileReader {
  readonly size: number;
  readonly fileSize: number;
  readonly #file: FileHandle;
  readonly #end: number;
  #position: number;

  constructor(file: FileHandle, range: ByteRange, fileSize: number) {
    this.#file = file;
    this.fileSize = fileSize;
    this.#position = range.start;
    this.#end = range.end;
    this.size = range.end - range.start;
  }

  async read(buffer: Uint8Array): Promise<number> {
    const wanted = Math.min(buffer.byteLength, this.#end - this.#position);
    if (wanted === 0) return 0;
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, this.#position);
    this.#position += bytesRead;
    return bytesRead;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
