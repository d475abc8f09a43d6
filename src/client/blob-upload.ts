import { createHash } from 'node:crypto';
import { ContentSizeError, DigestMismatchError, type OpenContent } from '../content/index.js';
import type { Descriptor } from '../oci/index.js';
import { digestOf, hashAlgorithmOf } from '../oci/index.js';
import { RegistryError, UnreachableError } from './errors.js';
import { type OutgoingBody, SourceError } from './http/exchange.js';
import { isTransient } from './http/network-errors.js';
import {
  cancelSession,
  closingUrl,
  findSession,
  sessionOf,
  startSession,
  type UploadPlace,
  type UploadSession,
  uploadRequest,
} from './upload-session.js';

export type UploadSource = Readonly<{
  descriptor: Descriptor;
  open: OpenContent;
  /** See PushOptions. */
  onBytes: (bytes: number) => void;
}>;

/** Up to here one request is quicker than being able to resume. */
const MAX_SINGLE_BYTES = 1024 * 1024;
/** Parts for those who find the whole too large. Proxies that limit bodies mostly do so at 100 MB. */
const SMALLER_PART_BYTES = 32 * 1024 * 1024;
/** Registries may check or copy the whole blob before they answer. */
const CLOSING_MS = 15 * 60_000;
const PROGRESS_BYTES = 64 * 1024;

/** Sends one blob, and goes on after failures where the registry has what came before. */
export class BlobUpload {
  readonly #place: UploadPlace;
  readonly #source: UploadSource;
  #session: UploadSession;
  #partBytes = Number.POSITIVE_INFINITY;
  #single: boolean;
  /** Bytes that were told to `onBytes`. */
  #told = 0;

  constructor(place: UploadPlace, session: UploadSession, source: UploadSource) {
    this.#place = place;
    this.#session = session;
    this.#source = source;
    this.#single = source.descriptor.size <= MAX_SINGLE_BYTES;
  }

  /**
   * An upload that does not end well is cancelled.
   * @param isThere whether the registry has the blob: an answer may get lost. @throws {DigestMismatchError}
   */
  async run(isThere: () => Promise<boolean>): Promise<void> {
    try {
      await this.#runToTheEnd(isThere);
    } catch (error) {
      await cancelSession(this.#place, this.#session);
      throw error;
    }
  }

  async #runToTheEnd(isThere: () => Promise<boolean>): Promise<void> {
    for (let failures = 0; ; ) {
      const { offset } = this.#session;
      try {
        await this.#sendParts();
        return await this.#close();
      } catch (error) {
        this.#place.signal?.throwIfAborted();
        await this.#failIfFinal(error);
        await this.#pause(error, ++failures);
        if (await isThere()) return this.#tell(this.#source.descriptor.size);
        await this.#recover(error);
        if (this.#session.offset - offset >= PROGRESS_BYTES) failures = 0;
      }
    }
  }

  async #sendParts(): Promise<void> {
    const { size } = this.#source.descriptor;
    while (!this.#single && this.#session.offset < size) {
      const { offset, minPartBytes } = this.#session;
      const end = Math.min(size, offset + Math.max(this.#partBytes, minPartBytes));
      this.#session = await this.#sendPart(this.#session, end);
      this.#tell(this.#session.offset);
    }
  }

  async #sendPart(session: UploadSession, end: number): Promise<UploadSession> {
    const { host } = this.#place;
    const { offset } = session;
    const whole = offset === 0 && end === this.#source.descriptor.size;
    const answer = await host.send({
      ...uploadRequest(this.#place, 'sending'),
      method: 'PATCH',
      target: session.location,
      headers: {
        'content-type': 'application/octet-stream',
        // All at once is a stream to append, which more registries understand than parts.
        ...(whole ? {} : { 'content-range': `${offset}-${end - 1}` }),
      },
      body: this.#body(offset, end),
      expect: [202, 201, 204],
      retry: false,
      answerMs: CLOSING_MS,
    });
    await answer.discard();
    const next = sessionOf(this.#place, answer, { ...session, offset: end });
    // A registry may have taken less, and says so; some say nonsense.
    return next.offset > offset && next.offset <= end ? next : { ...next, offset: end };
  }

  async #close(): Promise<void> {
    const { host, digest } = this.#place;
    const { size } = this.#source.descriptor;
    const answer = await host.send({
      ...uploadRequest(this.#place, 'sending'),
      method: 'PUT',
      target: closingUrl(this.#session, digest),
      ...(this.#single
        ? { headers: { 'content-type': 'application/octet-stream' }, body: this.#body(0, size) }
        : {}),
      expect: [200, 201, 204],
      retry: false,
      answerMs: CLOSING_MS,
    });
    await answer.discard();
    this.#tell(size);
  }

  /** What another attempt cannot change ends the upload. */
  async #failIfFinal(error: unknown): Promise<void> {
    if (this.#canGoOn(error)) return;
    if (error instanceof SourceError) throw error.cause ?? error;
    if (error instanceof RegistryError && error.has('DIGEST_INVALID')) await this.#checkSource();
    throw error;
  }

  #canGoOn(error: unknown): boolean {
    if (error instanceof UnreachableError) return isTransient(error.cause);
    if (!(error instanceof RegistryError)) return false;
    if (error.status === 413) return this.#shrinkParts();
    if (error.status === 405 || error.status === 501) return this.#sendWhole();
    return this.#place.host.retry.isTransient(error.status) || [404, 409, 416].includes(error.status);
  }

  /** @returns whether that is worth a try. */
  #shrinkParts(): boolean {
    const { size } = this.#source.descriptor;
    if (size <= SMALLER_PART_BYTES || this.#partBytes <= SMALLER_PART_BYTES) return false;
    this.#partBytes = SMALLER_PART_BYTES;
    this.#single = false;
    return true;
  }

  /** For registries that know no parts. */
  #sendWhole(): boolean {
    if (this.#single) return false;
    this.#single = true;
    return true;
  }

  async #pause(error: unknown, failures: number): Promise<void> {
    const { host, signal } = this.#place;
    const retryAfter = error instanceof RegistryError ? error.retryAfter : undefined;
    if (!(await host.retry.pause(failures, retryAfter, signal))) throw error;
  }

  /** Where the registry stands, or a new upload. A session that failed where it stands is not tried again. */
  async #recover(error: unknown): Promise<void> {
    const session = this.#session;
    const status = error instanceof RegistryError ? error.status : 0;
    const found = status === 404 || this.#single ? undefined : await findSession(this.#place, session);
    const stuck = status === 416 && found?.offset === session.offset;
    const usable = found !== undefined && !stuck && found.offset <= this.#source.descriptor.size;
    this.#session = usable ? found : await this.#restart();
    this.#tell(this.#session.offset);
  }

  async #restart(): Promise<UploadSession> {
    await cancelSession(this.#place, this.#session);
    return startSession(this.#place);
  }

  #body(start: number, end: number): OutgoingBody {
    return { bytes: end - start, open: async () => this.#read(start, end) };
  }

  async *#read(start: number, end: number): AsyncGenerator<Uint8Array> {
    this.#tell(start);
    const { digest, size } = this.#source.descriptor;
    let position = start;
    for await (const chunk of await this.#source.open(start)) {
      const part = end === size ? chunk : chunk.subarray(0, end - position);
      position += part.length;
      if (position > size) throw new ContentSizeError(digest, size, position);
      yield part;
      this.#tell(position);
      if (end < size && position === end) return;
    }
    if (position < end) throw new ContentSizeError(digest, size, position);
  }

  #tell(position: number): void {
    if (position !== this.#told) this.#source.onBytes(position - this.#told);
    this.#told = position;
  }

  /** The registry found another digest: either the source is not what it should be, or the way there spoilt it. */
  async #checkSource(): Promise<void> {
    const { digest } = this.#source.descriptor;
    const algorithm = hashAlgorithmOf(digest);
    const hash = createHash(algorithm);
    for await (const chunk of await this.#source.open(0)) hash.update(chunk);
    const actual = digestOf(algorithm, hash.digest('hex'));
    if (actual !== digest) throw new DigestMismatchError(digest, actual);
  }
}
