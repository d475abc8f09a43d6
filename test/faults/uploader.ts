import { type Answer, CutError, type Question } from './exchange.js';
import type { Blob } from './image.js';
import type { Change } from './ledger.js';
import { digestOf, isContent, nameOf, PRESENT } from './names.js';
import type { Random } from './random.js';
import type { Requests } from './requests.js';

/** An upload that a kill interrupted: `acknowledged` bytes must be there, and perhaps as many as were `sent`. */
type Interrupted = Readonly<{
  path: string;
  blob: Blob;
  acknowledged: number;
  sent: number;
  /** It may have ended without our knowing. */
  closing: boolean;
}>;

/** Pushes blobs to a repository in all the ways that clients have, and goes on with what was cut off. */
export class Uploader {
  readonly #requests: Requests;
  readonly #repository: string;
  readonly #random: Random;
  readonly #interrupted: Interrupted[] = [];

  constructor(requests: Requests, repository: string, random: Random) {
    this.#requests = requests;
    this.#repository = repository;
    this.#random = random;
  }

  /** @returns whether there was an upload to go on with. */
  async resumeOne(): Promise<boolean> {
    const upload = this.#interrupted.shift();
    if (upload) await this.#resume(upload);
    return upload !== undefined;
  }

  /** In one of the ways that clients have. */
  async push(blob: Blob): Promise<void> {
    const way = this.#random.next();
    if (way < 0.25) return this.#pushAtOnce(blob);
    const path = await this.#start(blob, '');
    if (path === undefined) return;
    if (way < 0.5) return this.#finish({ path, blob, acknowledged: 0, sent: 0, closing: false });
    await this.#pushChunks(path, blob);
  }

  async mount(blob: Blob, source: string): Promise<void> {
    const path = await this.#start(blob, `?mount=${blob.digest}&from=${source}`);
    if (path) await this.#finish({ path, blob, acknowledged: 0, sent: 0, closing: false });
  }

  async #pushAtOnce(blob: Blob): Promise<void> {
    const path = `/v2/${this.#repository}/blobs/uploads/?digest=${blob.digest}`;
    if (await this.#requests.change([this.#blobChange(blob)], 'POST', path, { body: blob.bytes }, [201]))
      this.#requests.tally.blobs += 1;
  }

  /** @returns the path of the upload, or nothing where the blob was mounted. */
  async #start(blob: Blob, query: string): Promise<string | undefined> {
    const changes = query ? [this.#blobChange(blob)] : [];
    const path = `/v2/${this.#repository}/blobs/uploads/${query}`;
    const answer = await this.#requests.change(changes, 'POST', path, {}, [201], [202]);
    if (answer === undefined) return undefined;
    if (answer.status === 202) return answer.headers.location;
    this.#requests.tally.mounts += 1;
    return undefined;
  }

  async #pushChunks(path: string, blob: Blob): Promise<void> {
    const { length } = blob.bytes;
    let offset = 0;
    const chunks = this.#random.between(1, 4);
    const leaveRest = this.#random.chance(0.5);
    for (let i = 0; i < chunks; i += 1) {
      const last = i === chunks - 1 && !leaveRest;
      const end = last ? length : this.#random.between(Math.min(offset + 2, length), length);
      await this.#patch(path, blob, offset, end);
      offset = end;
    }
    await this.#finish({ path, blob, acknowledged: offset, sent: offset, closing: false });
  }

  /** With a length and a range, or as a stream without either. */
  async #patch(path: string, blob: Blob, offset: number, end: number): Promise<void> {
    if (end === offset) return;
    const bytes = blob.bytes.subarray(offset, end);
    const range = { 'content-range': `${offset}-${end - 1}` };
    const question: Question = this.#random.chance(0.5)
      ? { body: bytes, headers: range }
      : { body: halves(bytes), headers: this.#random.chance(0.5) ? range : {} };
    const answer = await this.#uploading(
      { path, blob, acknowledged: offset, sent: end, closing: false },
      () => this.#requests.send('PATCH', path, question),
    );
    this.#requests.expect(answer, [202], `PATCH ${path}`);
    if (answer.headers.range !== `0-${end - 1}`)
      this.#requests.violation(`PATCH ${path} to ${end} answers ${answer.headers.range}`);
  }

  async #finish(upload: Interrupted): Promise<void> {
    const { path, blob, acknowledged } = upload;
    const rest = blob.bytes.subarray(acknowledged);
    const question = rest.length > 0 ? { body: rest } : {};
    const ended = { ...upload, sent: blob.bytes.length, closing: true };
    const finish = `${path}?digest=${blob.digest}`;
    const answer = await this.#uploading(ended, () =>
      this.#requests.change([this.#blobChange(blob)], 'PUT', finish, question, [201]),
    );
    if (answer) this.#requests.tally.blobs += 1;
  }

  /** Goes on where the server says that the upload stands. */
  async #resume(upload: Interrupted): Promise<void> {
    const { path, blob, acknowledged, sent, closing } = upload;
    const answer = await this.#uploading(upload, () => this.#requests.send('GET', path));
    if (answer.status === 404) {
      this.#requests.tally.vanished += 1;
      if (!closing)
        this.#requests.violation(`the upload ${path} with ${acknowledged} bytes is gone after a restart`);
      return;
    }
    this.#requests.expect(answer, [204], `GET ${path}`);
    const offset = offsetOf(answer);
    // An upload that ended just before the kill may have given its bytes away already.
    const given = closing && offset === 0;
    if ((offset < acknowledged && !given) || offset > sent) {
      this.#requests.violation(
        `${path} stands at ${offset} after a restart: ${acknowledged} acknowledged, ${sent} sent`,
      );
    }
    this.#requests.tally.resumed += 1;
    const end = this.#random.between(offset, blob.bytes.length);
    await this.#patch(path, blob, offset, end);
    await this.#finish({ path, blob, acknowledged: end, sent: end, closing });
  }

  async cancel(): Promise<void> {
    const blob = this.newBlob(this.#random.size());
    const path = await this.#start(blob, '');
    if (path === undefined) return;
    this.#requests.expect(
      await this.#requests.send('PATCH', path, { body: blob.bytes }),
      [202],
      `PATCH ${path}`,
    );
    this.#requests.expect(await this.#requests.send('DELETE', path), [204], `DELETE ${path}`);
    this.#requests.expect(await this.#requests.send('GET', path), [404], `GET of the cancelled ${path}`);
  }

  async pushWrongBytes(): Promise<void> {
    const [blob, other] = [this.newBlob(this.#random.size()), this.newBlob(100)];
    const path = await this.#start(blob, '');
    if (path === undefined) return;
    const wrong = await this.#requests.send('PUT', `${path}?digest=${other.digest}`, { body: blob.bytes });
    this.#requests.expect(wrong, [400], `PUT ${path} of wrong bytes`);
    for (const { digest } of [blob, other]) {
      const answer = await this.#requests.send('HEAD', `/v2/${this.#repository}/blobs/${digest}`);
      this.#requests.expect(answer, [404], `HEAD of a blob whose bytes were refused`);
    }
  }

  async abandon(): Promise<void> {
    const blob = this.newBlob(this.#random.size());
    const path = await this.#start(blob, '');
    if (path)
      this.#requests.expect(
        await this.#requests.send('PATCH', path, { body: blob.bytes }),
        [202],
        `PATCH ${path}`,
      );
  }

  /** Remembers the upload if it is cut off. */
  async #uploading<T>(upload: Interrupted, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof CutError) this.#interrupted.push(upload);
      throw error;
    }
  }

  newBlob(size: number): Blob {
    const bytes = this.#random.bytes(size);
    return { digest: digestOf(bytes, this.#random.chance(0.05) ? 'sha512' : 'sha256'), bytes };
  }

  #blobChange({ digest, bytes }: Blob): Change {
    if (!isContent(digest, bytes)) throw new Error('the test is wrong');
    return {
      name: nameOf({ kind: 'blob', repository: this.#repository, reference: digest }),
      value: PRESENT,
    };
  }
}

function halves(bytes: Buffer): Buffer[] {
  const middle = Math.floor(bytes.length / 2);
  return [bytes.subarray(0, middle), bytes.subarray(middle)];
}

/** `0-0` stands for nothing as well as for one byte; no chunk here is that short. */
function offsetOf({ headers }: Answer): number {
  const last = Number(/^0-(\d+)$/.exec(headers.range ?? '')?.[1] ?? Number.NaN);
  return last === 0 ? 0 : last + 1;
}
