import { TarError } from './errors.js';
import { paddingOf } from './tar-format.js';
import { type Member, parseTar } from './tar-parser.js';

/** Is told of an archive's members as their bytes come by. All calls are synchronous. */
export interface MemberSink {
  begin(member: Member): void;
  /** The stored bytes of the member begun last; their memory may be used again afterwards. */
  data(bytes: Uint8Array): void;
  end(): void;
}

/** Parses a tar that is pushed in, in chunks of any size: no promise for each entry, unlike a reader that pulls. */
export class TarFeed {
  readonly #sink: MemberSink;
  readonly #parser = parseTar();
  #step = this.#parser.next();
  /** Bytes gathered for a request that one chunk did not fill. */
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  /** Of the member under way. */
  #contentLeft = 0;
  #paddingLeft = 0;
  #isInMember = false;

  constructor(sink: MemberSink) {
    this.#sink = sink;
  }

  /** @throws {TarError} and whatever the sink throws. */
  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (!this.#step.done && (rest.length > 0 || this.#isInMember)) {
      const request = this.#step.value;
      if (request.kind === 'bytes') {
        rest = this.#gather(rest, request.count);
      } else {
        if (!this.#isInMember) this.#begin(request.member);
        rest = this.#pass(rest);
        if (this.#contentLeft + this.#paddingLeft > 0) return;
        this.#isInMember = false;
        this.#advance(NO_BYTES);
      }
    }
  }

  /** The last padding may be missing: tar-reader.ts. @throws {TarError} the archive is not complete. */
  finish(): void {
    if (this.#isInMember && this.#contentLeft === 0) {
      this.#isInMember = false;
      this.#advance(NO_BYTES);
    }
    if (this.#step.done) return;
    if (this.#step.value.kind === 'member') throw new TarError('the archive ends within an entry');
    const last = Buffer.concat(this.#gathered);
    this.#advance(last);
    if (!this.#step.done) throw new TarError('the archive ends early');
  }

  #gather(rest: Buffer, count: number): Buffer {
    const part = rest.subarray(0, count - this.#gatheredBytes);
    if (part.length === count) {
      // Copied: the parser keeps parts of it, and the chunk's memory may be used again.
      this.#advance(Buffer.from(part));
      return rest.subarray(part.length);
    }
    this.#gathered.push(Buffer.from(part));
    this.#gatheredBytes += part.length;
    if (this.#gatheredBytes === count) this.#advance(Buffer.concat(this.#gathered));
    return rest.subarray(part.length);
  }

  #advance(bytes: Buffer): void {
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#step = this.#parser.next(bytes);
    if (!this.#step.done && this.#step.value.kind === 'member') this.#begin(this.#step.value.member);
  }

  #begin(member: Member): void {
    this.#isInMember = true;
    this.#contentLeft = member.stored;
    this.#paddingLeft = paddingOf(member.stored);
    this.#sink.begin(member);
    if (this.#contentLeft === 0) this.#sink.end();
  }

  #pass(rest: Buffer): Buffer {
    const content = rest.subarray(0, this.#contentLeft);
    if (content.length > 0) {
      this.#contentLeft -= content.length;
      this.#sink.data(content);
      if (this.#contentLeft === 0) this.#sink.end();
    }
    const padding = Math.min(this.#contentLeft > 0 ? 0 : this.#paddingLeft, rest.length - content.length);
    this.#paddingLeft -= padding;
    return rest.subarray(content.length + padding);
  }
}

const NO_BYTES = Buffer.alloc(0);
