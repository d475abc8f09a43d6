import type { Digest, RepositoryName } from '../../oci/index.js';
import { checkBlob, type Suspect } from './blob-check.js';
import { type HashBuffers, hashBuffers } from './hash-file.js';
import type { Mended } from './mender.js';
import type { Pass, Repair } from './pass.js';
import type { VerificationLog } from './verification-log.js';

const KEEP_MARK_EVERY_MS = 10_000;
/** So many are handed over together. */
const MAX_SUSPECTS = 100;
/** Bytes that change each time they are read are left for the next pass. */
const MAX_ROUNDS = 4;

/** Reads all bytes in the order of their digests, and keeps how far it came. */
export class BlobPass {
  readonly #pass: Pass;
  readonly #log: VerificationLog;
  readonly #suspects: Suspect[] = [];
  #suspectedAt = 0;
  /** Bytes of blobs that are not through yet. */
  #reading = 0;
  #markKeptAt = performance.now();

  constructor(pass: Pass, log: VerificationLog) {
    this.#pass = pass;
    this.#log = log;
  }

  /** Behind where the tally is already. @throws the reason of the signal. */
  async run(): Promise<void> {
    const { atOnce, signal } = this.#pass.options;
    const free = Array.from({ length: atOnce }, hashBuffers);
    const window: { digest: Digest; bytes: Promise<number> }[] = [];
    const settleFirst = async () => {
      const first = window.shift();
      if (first) await this.#through(first.digest, await first.bytes);
    };
    try {
      for await (const digests of this.#pass.parts.blobs.list({ after: this.#pass.tally.after })) {
        for (const digest of digests) {
          if (window.length === atOnce) await settleFirst();
          signal?.throwIfAborted();
          const buffers = free.pop() ?? hashBuffers();
          const bytes = this.#readBlob(digest, buffers).finally(() => free.push(buffers));
          bytes.catch(() => {}); // awaited in its turn
          window.push({ digest, bytes });
        }
      }
      while (window.length > 0) await settleFirst();
      // Those that somebody changes meanwhile are read again.
      for (let round = 0; this.#suspects.length > 0 && round < MAX_ROUNDS; round++)
        await this.#mendSuspects({ all: true });
    } finally {
      await Promise.allSettled(window.map(({ bytes }) => bytes));
    }
  }

  async keepMark(): Promise<void> {
    const mark = this.#pass.tally.mark();
    // What was not handed over yet is found again: the mark is not behind it.
    if (mark && this.#suspects.length === 0 && this.#pass.parts.repair) await this.#log.keep(mark);
    this.#markKeptAt = performance.now();
  }

  /** @returns how many bytes there were. */
  async #readBlob(digest: Digest, buffers: HashBuffers): Promise<number> {
    const { signal } = this.#pass.options;
    let read = 0;
    const suspect = await checkBlob(this.#pass.parts.blobs, digest, buffers, async (bytes) => {
      signal?.throwIfAborted();
      read += bytes;
      this.#reading += bytes;
      this.#report(digest);
      await this.#pass.throttle.take(bytes, signal);
    });
    if (suspect === undefined) return read;
    if (this.#suspects.length === 0) this.#suspectedAt = performance.now();
    this.#suspects.push(suspect);
    return read;
  }

  /** All up to this one were read. */
  async #through(digest: Digest, bytes: number): Promise<void> {
    this.#pass.tally.after = digest;
    this.#pass.tally.blobs += 1;
    this.#pass.tally.bytes += bytes;
    this.#reading -= bytes;
    this.#report(digest);
    await this.#mendSuspects({ all: false });
    if (performance.now() - this.#markKeptAt > KEEP_MARK_EVERY_MS) await this.keepMark();
  }

  #report(digest: Digest): void {
    const { blobs, bytes } = this.#pass.tally;
    // Digests are spread evenly: how far one is from the first tells how many are behind it.
    const fraction = Number.parseInt(digest.slice('sha256:'.length, 'sha256:'.length + 8), 16) / 2 ** 32;
    this.#pass.options.onProgress?.({ blobs, bytes: bytes + this.#reading, fraction });
  }

  async #mendSuspects({ all }: { all: boolean }): Promise<void> {
    const { repair } = this.#pass.parts;
    const waited = performance.now() - this.#suspectedAt;
    const isDue = all || waited >= (repair?.patienceMs ?? 0) || this.#suspects.length >= MAX_SUSPECTS;
    if (this.#suspects.length === 0 || !isDue) return;
    const suspects = this.#suspects.splice(0);
    if (repair === undefined) return this.#onlyTell(suspects);
    try {
      await this.#mend(suspects, repair);
    } catch (error) {
      this.#suspects.unshift(...suspects); // a mark behind them would say that they are through
      throw error;
    }
  }

  async #mend(suspects: readonly Suspect[], repair: Repair): Promise<void> {
    const mendings = suspects.map(
      ({ digest, changedAt }) => ({ do: 'set-aside', digest, changedAt }) as const,
    );
    const mended = await repair.mend(mendings);
    for (const [i, suspect] of suspects.entries()) {
      const outcome = mended[i];
      if (outcome?.done === 'changed') this.#reading -= await this.#readBlob(suspect.digest, hashBuffers());
      if (outcome && 'uses' in outcome) await this.#restore(suspect, outcome, repair);
    }
  }

  async #onlyTell(suspects: readonly Suspect[]): Promise<void> {
    for (const { digest, problem, detail } of suspects) {
      const repositories = namesIn(await this.#pass.parts.index.usesOf(digest));
      this.#pass.found({ digest, problem, detail, repositories, state: 'found' });
    }
  }

  async #restore(
    { digest, problem, detail }: Suspect,
    outcome: Extract<Mended, { uses: unknown }>,
    { mend, repairer }: Repair,
  ): Promise<void> {
    const { uses, path } = outcome;
    const repositories = namesIn(uses);
    const finding = { digest, problem, detail, repositories, path };
    if (outcome.done === 'rewritten')
      return this.#pass.found({ ...finding, state: 'repaired', how: 'from the index' });
    const from = await repairer.fetch(digest, uses, this.#pass.options.signal);
    const [shown] = from === undefined ? [] : await mend([{ do: 'show', digest, repositories }]);
    if (from !== undefined && shown?.done === 'shown')
      return this.#pass.found({ ...finding, state: 'repaired', how: `from ${from}` });
    this.#pass.found({ ...finding, state: 'set-aside' });
  }
}

function namesIn(uses: readonly Readonly<{ repository: RepositoryName }>[]): RepositoryName[] {
  return [...new Set(uses.map(({ repository }) => repository))];
}
