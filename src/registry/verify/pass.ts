import type { Blobs } from '../../content/index.js';
import type { MetadataIndex } from '../../index/index.js';
import type { StorageDriver } from '../../storage/index.js';
import type { ManifestRules } from '../repositories/index.js';
import type { Finding } from './finding.js';
import type { Mended, Mending } from './mender.js';
import type { Repairer } from './repairer.js';
import { Throttle } from './throttle.js';
import type { Tally } from './verification.js';

/** What is read, and how it may be changed. */
export type VerifyParts = Readonly<{
  driver: StorageDriver;
  blobs: Blobs;
  index: Pick<MetadataIndex, 'usesOf' | 'findManifest'>;
  rules: ManifestRules;
  now: () => Date;
  /** Without it nothing is changed. */
  repair?: Repair | undefined;
  /** After what time a link that leads nowhere is believed to. */
  lookAgainMs?: number;
}>;

/** What may be done about what is wrong: in the process that has the files, and from elsewhere. */
export type Repair = Readonly<{
  mend: (mendings: readonly Mending[]) => Promise<readonly Mended[]>;
  /** Handing over costs something: so long it may be put off, in milliseconds. */
  patienceMs: number;
  repairer: Repairer;
}>;

export type VerifyOptions = Readonly<{
  /** For all that is read, in a second. */
  maxBytesPerSecond?: number | undefined;
  /** Files that are read side by side. */
  atOnce: number;
  /** Goes on where a pass stopped that was not finished. */
  resume: boolean;
  onFinding?: (finding: Finding) => void;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}>;

/** `fraction` of the store that was read, from 0 to 1, as far as that can be told. */
export type Progress = Readonly<{ blobs: number; bytes: number; fraction: number }>;

/** What the steps of a pass over the store have in common. */
export class Pass {
  readonly parts: VerifyParts;
  readonly options: VerifyOptions;
  readonly tally: Tally;
  readonly throttle: Throttle;

  constructor(parts: VerifyParts, options: VerifyOptions, tally: Tally) {
    this.parts = parts;
    this.options = options;
    this.tally = tally;
    this.throttle = new Throttle(options.maxBytesPerSecond);
  }

  found(finding: Finding): void {
    this.tally.add(finding);
    this.options.onFinding?.(finding);
  }
}
