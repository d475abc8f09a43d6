import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldLock, Locks } from '../../locks/index.js';
import { isMarkedRight } from './growing-file.js';

/** Between two looks at what another process does. */
const LOOK_MS = 50;
/** A process that sees nothing of another's fetch for so long, as it is on another machine, fetches for itself. */
const PATIENCE_MS = 5000;
/** So does one that sees it stand still for so long, or only that something was asked for. */
const STALL_MS = 30_000;
/** A blob of which all has come may take so long to be stored: a bucket copies gigabytes then, a disk writes them. */
const STORING_MS = 5 * 60_000;
const CHUNK_BYTES = 256 * 1024;
const FILE = /^pull-[0-9a-f]{64}\./;
/** Ends the name of a file without bytes, which is there as long as whoever fetches is one of those with this folder. */
const ASKED = 'asked';

/** The right to fetch something for all. `fileName`: where they look for it; `size` in bytes, where that is known. */
export type Lease = HeldLock & Readonly<{ fileName: (size: number | undefined) => string }>;

/** Who fetches: this process, another one, or with neither each for itself. */
type Turn = Readonly<{ lease?: Lease; followed?: FollowedFetch }>;

/** How long nothing may come: before all has, and then. */
type StandstillLimits = Readonly<{ stallMs: number; storingMs: number }>;

/**
 * Has one of the processes that serve a registry fetch something for all: it holds a lock meanwhile, and where they have a
 * folder in common the others read its file as that grows.
 */
export class SharedFetches {
  readonly #locks: Locks;
  readonly #folder: string;
  readonly #patienceMs: number;
  readonly #limits: StandstillLimits;

  constructor(
    locks: Locks,
    folder: string,
    {
      patienceMs = PATIENCE_MS,
      stallMs = STALL_MS,
      storingMs = STORING_MS,
    }: Partial<StandstillLimits> & { patienceMs?: number } = {},
  ) {
    this.#locks = locks;
    this.#folder = folder;
    this.#patienceMs = patienceMs;
    this.#limits = { stallMs, storingMs };
  }

  /**
   * @param what is fetched, in the same words in all processes.
   * @returns something to be disposed of. @throws the reason of `signal`.
   */
  async join(what: string, signal: AbortSignal): Promise<Turn> {
    const name = nameFor(what);
    const begun = performance.now();
    for (;;) {
      const lease = await this.#tryLease(name);
      if (lease) return { lease: await this.#announced(lease, name) };
      const { followed, isAsked } = await this.#find(name);
      if (followed) return { followed };
      if (performance.now() - begun > (isAsked ? this.#limits.stallMs : this.#patienceMs)) return {};
      await pause(signal);
    }
  }

  /** For what is fetched in one piece: `work` looks first whether another process has put it there meanwhile. */
  async inTurn<T>(what: string, work: () => Promise<T>): Promise<T> {
    const patience = AbortSignal.timeout(this.#limits.stallMs);
    // Whoever grants it may be away for a while, and whoever has it stuck.
    using _held = await this.#locks.acquire(nameFor(what), 'alone', patience).catch(() => undefined);
    return await work();
  }

  /** Removes what processes that were killed have left. */
  async tidy(): Promise<void> {
    const files = (await readdir(this.#folder)).filter((file) => FILE.test(file));
    for (const name of new Set(files.map(nameOf))) (await this.#tryLease(name))?.[Symbol.dispose]();
  }

  /** What is there by this name is nobody's any more, and goes. */
  async #tryLease(name: string): Promise<Lease | undefined> {
    const held = await this.#locks.tryAcquire(name, 'alone');
    if (held === undefined) return undefined;
    try {
      for (const size of await this.#sizesOf(name))
        await rm(join(this.#folder, `${name}.${size}`), { force: true });
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
    return {
      ...held,
      fileName: (size) => `${name}.${size ?? ''}`,
      [Symbol.dispose]: () => held[Symbol.dispose](),
    };
  }

  /** Says in the folder that somebody there has it, where there is room to say so. */
  async #announced(lease: Lease, name: string): Promise<Lease> {
    const path = join(this.#folder, `${name}.${ASKED}`);
    await writeFile(path, '').catch(() => {});
    return {
      ...lease,
      [Symbol.dispose]() {
        try {
          rmSync(path, { force: true }); // before another one can have it
        } finally {
          lease[Symbol.dispose]();
        }
      },
    };
  }

  async #find(name: string): Promise<{ followed?: FollowedFetch; isAsked: boolean }> {
    const sizes = await this.#sizesOf(name);
    const isAsked = sizes.includes(ASKED);
    const size = sizes.find((size) => size !== ASKED);
    if (size === undefined) return { isAsked };
    const file = await open(join(this.#folder, `${name}.${size}`)).catch(() => undefined); // it may have ended
    if (file === undefined) return { isAsked };
    const options = { size: size === '' ? undefined : Number(size), ...this.#limits };
    return {
      followed: new FollowedFetch(file, { ...options, tryLease: () => this.#tryLease(name) }),
      isAsked,
    };
  }

  /** How the names of files go on: with a size, with nothing for one that nobody knows, or with {@link ASKED}. */
  async #sizesOf(name: string): Promise<string[]> {
    const files = (await readdir(this.#folder)).filter((file) => file.startsWith(`${name}.`));
    return files.map((file) => file.slice(name.length + 1));
  }
}

/** What came behind a position of a file, or else what has become of that. */
type Progress = Readonly<{ chunk: Uint8Array }> | Readonly<{ isRight: boolean; isGone: boolean }>;

/** What another process fetches, of which it has put down a part. */
export class FollowedFetch implements AsyncDisposable {
  readonly size: number | undefined;
  readonly #file: FileHandle;
  readonly #tryLease: () => Promise<Lease | undefined>;
  readonly #limits: StandstillLimits;
  #lease: Lease | undefined;
  #isRight = false;

  constructor(
    file: FileHandle,
    options: StandstillLimits &
      Readonly<{ size: number | undefined; tryLease: () => Promise<Lease | undefined> }>,
  ) {
    this.#file = file;
    this.size = options.size;
    this.#tryLease = options.tryLease;
    this.#limits = options;
  }

  /** Whether {@link bytes} ended because all came, was verified and is stored: else the other is gone, or stuck. */
  get isRight(): boolean {
    return this.#isRight;
  }

  /** From the first on, as they come; {@link isRight} tells what the end of them means. @throws the reason of `signal`. */
  async *bytes(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { stallMs, storingMs } = this.#limits;
    let position = 0;
    let movedAt = performance.now();
    while (performance.now() - movedAt < (position === this.size ? storingMs : stallMs)) {
      const found = await this.#look(position);
      if (found === undefined) return;
      if ('chunk' in found) {
        position += found.chunk.byteLength;
        yield found.chunk;
        movedAt = performance.now();
        continue;
      }
      this.#isRight = found.isRight;
      if (found.isRight || this.#lease) return;
      this.#lease = await this.#tryLease().catch(() => undefined); // whoever grants it may be away for a while
      if (this.#lease) continue; // the other has ended, and the next look is the last
      if (found.isGone) return; // it has, and somebody else goes on
      await pause(signal);
    }
  }

  /** @returns nothing when the file cannot be read any more, as over a network once it has no name. */
  async #look(position: number): Promise<Progress | undefined> {
    try {
      const { size, mode, nlink } = await this.#file.stat();
      if (position >= size) return { isRight: isMarkedRight(mode), isGone: nlink === 0 };
      const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(CHUNK_BYTES), { position });
      return { chunk: buffer.subarray(0, bytesRead) };
    } catch {
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lease?.[Symbol.dispose]();
    await this.#file.close();
  }
}

/** @throws the reason of `signal`. */
async function pause(signal: AbortSignal): Promise<void> {
  await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  signal.throwIfAborted();
}

function nameFor(what: string): string {
  return `pull-${createHash('sha256').update(what).digest('hex')}`;
}

function nameOf(file: string): string {
  return file.slice(0, file.indexOf('.'));
}
