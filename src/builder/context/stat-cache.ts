import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { encodeFacts, type FileFacts, type FileRecord, type FileVersion, SavedFacts } from './saved-facts.js';

/** Records of files that were not met this time are kept, for other Dockerfiles of the same context, up to so many. */
const MAX_UNMET = 50_000;

/**
 * Digests of the files of one context, so that unchanged files are not read again. A record counts only for the same
 * version of a file, see directory-tree.ts. Losing it costs time, nothing else.
 */
export class StatCache {
  readonly #file: string;
  #saved: SavedFacts | undefined;
  /** What is not saved yet, by path. */
  readonly #new = new Map<string, FileRecord>();

  constructor(file: string) {
    this.#file = file;
  }

  /** @returns `undefined` where nothing is known. */
  find(path: string, version: FileVersion): FileFacts | undefined {
    const record = this.#new.get(path);
    if (record === undefined) return this.#load().find(path, version);
    return isSameVersion(record.version, version) ? record : undefined;
  }

  set(path: string, version: FileVersion, { digest, xattrs }: FileFacts): void {
    this.#new.set(path, { path, version, digest, xattrs });
  }

  /** Writes what is new. */
  save(): void {
    if (this.#new.size === 0) return;
    const saved = this.#load();
    const isKept = saved.size - saved.met <= MAX_UNMET ? 'all' : 'met';
    const records = [...saved.records(isKept)].filter(({ path }) => !this.#new.has(path));
    records.push(...this.#new.values());
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const partial = `${this.#file}.${randomBytes(4).toString('hex')}`; // pids are the same in other containers
    writeFileSync(partial, encodeFacts(records), { mode: 0o600 });
    renameSync(partial, this.#file);
    this.#new.clear();
    this.#saved = undefined;
  }

  #load(): SavedFacts {
    this.#saved ??= SavedFacts.read(this.#file);
    return this.#saved;
  }
}

/** Whether nothing can have happened to a file in between. */
export function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return (
    a.ctimeNs === b.ctimeNs &&
    a.mtimeNs === b.mtimeNs &&
    a.size === b.size &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}
