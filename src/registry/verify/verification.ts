import type { Digest } from '../../oci/index.js';
import type { Finding } from './finding.js';

/** What a pass looked at, and what it found. As JSON, times are texts. */
export type Verification = Readonly<{
  startedAt: Date;
  finishedAt: Date;
  /** Looked at, in this pass and in those that it went on with. */
  blobs: number;
  bytes: number;
  repositories: number;
  manifests: number;
  /** Links that lead nowhere, and that nobody misses. */
  unneededLinks: number;
  repaired: number;
  /** What is still wrong. */
  remaining: number;
  findings: readonly Finding[];
  /** More findings than are kept. */
  omitted: number;
}>;

/** How far a pass came that was not finished: everything up to `after` was hashed. */
export type Mark = Readonly<{
  startedAt: Date;
  after: Digest;
  blobs: number;
  bytes: number;
  findings: readonly Finding[];
  omitted: number;
}>;

/** Of a store that is very ill, more would help nobody. */
const MAX_FINDINGS = 10_000;

/** A pass under way. */
export class Tally {
  readonly startedAt: Date;
  after: Digest | undefined;
  blobs = 0;
  bytes = 0;
  repositories = 0;
  manifests = 0;
  unneededLinks = 0;
  #omitted = 0;
  #repaired = 0;
  #remaining = 0;
  readonly #findings: Finding[] = [];

  constructor(startedAt: Date, mark?: Mark) {
    this.startedAt = mark?.startedAt ?? startedAt;
    if (mark === undefined) return;
    this.after = mark.after;
    this.blobs = mark.blobs;
    this.bytes = mark.bytes;
    for (const finding of mark.findings) this.add(finding);
    this.#omitted += mark.omitted;
    this.#remaining += mark.omitted;
  }

  get findings(): readonly Finding[] {
    return this.#findings;
  }

  add(finding: Finding): void {
    if (finding.state === 'repaired') this.#repaired += 1;
    // Nobody misses what nothing led to.
    else if (finding.state === 'found' || finding.repositories.length > 0) this.#remaining += 1;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
    else this.#omitted += 1;
  }

  mark(): Mark | undefined {
    const { startedAt, after, blobs, bytes, findings } = this;
    return after && { startedAt, after, blobs, bytes, findings, omitted: this.#omitted };
  }

  result(finishedAt: Date): Verification {
    const { startedAt, blobs, bytes, repositories, manifests, unneededLinks, findings } = this;
    const counts = { blobs, bytes, repositories, manifests, unneededLinks };
    const outcome = { repaired: this.#repaired, remaining: this.#remaining, omitted: this.#omitted };
    return { startedAt, finishedAt, ...counts, ...outcome, findings };
  }
}
