import type { FixtureSizes } from './fixtures.ts';

/** How much of everything a run does. */
export type Scale = Readonly<{
  /** Rounds before those that count: they warm up caches, compiled code and pools on both sides. */
  warmUps: number;
  repetitions: number;
  /** Of rows that move a gigabyte each time. */
  heavyRepetitions: number;
  bigBytes: number;
  smallBytes: number;
  smallCount: number;
  /** For rows that repeat one request; whole, as wrk takes no others. */
  seconds: number;
  manifests: number;
  fixtures: FixtureSizes;
}>;

const MIB = 1024 * 1024;

export const FULL: Scale = {
  warmUps: 1,
  repetitions: 5,
  heavyRepetitions: 3,
  bigBytes: 256 * MIB,
  smallBytes: 4 * MIB,
  smallCount: 64,
  seconds: 3,
  manifests: 400,
  fixtures: { repositories: 10_000, tags: 10_000 },
};

/** Enough to see that the harness works; its numbers mean little. */
export const QUICK: Scale = {
  warmUps: 0,
  repetitions: 1,
  heavyRepetitions: 1,
  bigBytes: 16 * MIB,
  smallBytes: MIB,
  smallCount: 8,
  seconds: 1,
  manifests: 16,
  fixtures: { repositories: 500, tags: 500 },
};

/** On S3 each request costs milliseconds, so less of everything takes as long. */
export const S3: Scale = {
  warmUps: 1,
  repetitions: 3,
  heavyRepetitions: 1,
  bigBytes: 32 * MIB,
  smallBytes: MIB,
  smallCount: 24,
  seconds: 2,
  manifests: 64,
  fixtures: { repositories: 200, tags: 200 },
};

/** Enough to see that the harness works. */
export const S3_QUICK: Scale = {
  ...QUICK,
  manifests: 8,
  fixtures: { repositories: 200, tags: 20 },
};
