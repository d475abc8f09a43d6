import { closeSync, constants, existsSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { tryFlock } from '../../linux/index.js';
import { rotatedName } from './log-files.js';

/** How much of a log is kept: so many files, each of about so many bytes. */
export type LogLimits = Readonly<{ maxBytes: number; maxFiles: number }>;

/** Where the limit is small, an engine may be about to start that rotates and keeps more. */
const LEAST_CEILING_BYTES = 100_000_000;
const TIMES_TOO_LARGE = 10;

/**
 * How large a log may become that nobody rotates, so that it does not fill the disk: then the monitor itself begins it anew,
 * and what was in it is lost.
 */
export function logCeiling({ maxBytes }: LogLimits): number {
  return Math.max(LEAST_CEILING_BYTES, TIMES_TOO_LARGE * maxBytes);
}

/** Where conmon writes a log, and where it takes orders. */
export type LogPlace = Readonly<{ log: string; ctl: string }>;

/** What conmon takes as the order to open its log again. */
const REOPEN = '2 0 0\n';
const LOOK_AGAIN_MS = 10;
const LONGEST_WAIT_MS = 5000;

/**
 * Starts a new file when a log has become large, without losing a line: conmon writes on into the old one until it has
 * opened the new. Of several at once one does it; what one that was killed has begun, the next completes.
 * @returns whether a new file was started, or will be with the container's next start.
 */
export async function rotateLog(place: LogPlace, limits: LogLimits): Promise<boolean> {
  const { log } = place;
  if (!isDue(log, limits)) return false;
  const lock = openSync(`${log}.lock`, 'a', 0o600);
  try {
    if (!tryFlock(lock, 'exclusive') || !isDue(log, limits)) return false;
    if (existsSync(log)) moveUp(log, limits);
    await reopen(place);
    for (let age = limits.maxFiles; existsSync(rotatedName(log, age)); age += 1)
      rmSync(rotatedName(log, age));
    return true;
  } finally {
    closeSync(lock);
  }
}

/** A log that is not there, but was, waits for conmon to be told. */
function isDue(log: string, { maxBytes }: LogLimits): boolean {
  const stats = statSync(log, { throwIfNoEntry: false });
  return stats ? stats.size >= maxBytes : existsSync(rotatedName(log, 1));
}

/** The oldest goes when conmon has a new one: what is written meanwhile may be wanted. */
function moveUp(log: string, { maxFiles }: LogLimits): void {
  for (let age = maxFiles - 1; age >= 0; age -= 1) {
    if (existsSync(rotatedName(log, age))) renameSync(rotatedName(log, age), rotatedName(log, age + 1));
  }
}

async function reopen({ log, ctl }: LogPlace): Promise<void> {
  if (!tell(ctl)) return;
  for (let waited = 0; waited < LONGEST_WAIT_MS && !existsSync(log); waited += LOOK_AGAIN_MS) {
    await setTimeout(LOOK_AGAIN_MS);
  }
}

/** @returns whether conmon is there to read it: not for a container that has ended. */
function tell(ctl: string): boolean {
  let pipe: number;
  try {
    pipe = openSync(ctl, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENXIO' || code === 'ENOENT') return false;
    throw error;
  }
  try {
    writeSync(pipe, REOPEN);
    return true;
  } finally {
    closeSync(pipe);
  }
}
