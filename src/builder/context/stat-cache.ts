import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** What was found out about a file by reading it. `digest` is empty for what is no file. */
export type FileFacts = Readonly<{ version: string; digest: string; xattrs: string }>;

const FORMAT = 1;
/** Records of files that were not met this time are kept, for other Dockerfiles of the same context, up to so many. */
const MAX_UNMET = 50_000;

/**
 * Digests of the files of one context, so that unchanged files are not read again. A record counts only for the same
 * version of a file, see directory-tree.ts. Losing it costs time, nothing else.
 */
export class StatCache {
  readonly #file: string;
  #records: Map<string, FileFacts> | undefined;
  readonly #met = new Set<string>();
  #isChanged = false;

  constructor(file: string) {
    this.#file = file;
  }

  find(path: string, version: string): FileFacts | undefined {
    const facts = this.#load().get(path);
    if (facts?.version !== version) return undefined;
    this.#met.add(path);
    return facts;
  }

  set(path: string, facts: FileFacts): void {
    this.#load().set(path, facts);
    this.#met.add(path);
    this.#isChanged = true;
  }

  /** Writes what is new. */
  save(): void {
    if (!this.#isChanged) return;
    const records = [...this.#load()];
    const unmet = records.length - this.#met.size;
    const kept = unmet > MAX_UNMET ? records.filter(([path]) => this.#met.has(path)) : records;
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    const partial = `${this.#file}.${randomBytes(4).toString('hex')}`; // pids are the same in other containers
    writeFileSync(partial, encode(kept), { mode: 0o600 });
    renameSync(partial, this.#file);
    this.#isChanged = false;
  }

  #load(): Map<string, FileFacts> {
    this.#records ??= new Map(readRecords(this.#file));
    return this.#records;
  }
}

/** One list for each field, which is parsed faster than a list of objects. */
type Columns = Readonly<{
  format: number;
  paths: string;
  versions: string;
  digests: string;
  xattrs: Record<string, string>;
}>;

function encode(records: readonly (readonly [string, FileFacts])[]): string {
  const xattrs = records.filter(([, facts]) => facts.xattrs !== '');
  const columns: Columns = {
    format: FORMAT,
    paths: records.map(([path]) => path).join('\0'),
    versions: records.map(([, { version }]) => version).join(' '),
    digests: records.map(([, { digest }]) => digest).join(' '),
    xattrs: Object.fromEntries(xattrs.map(([path, facts]) => [path, facts.xattrs])),
  };
  return JSON.stringify(columns);
}

function readRecords(file: string): [string, FileFacts][] {
  const columns = readColumns(file);
  if (columns === undefined || columns.versions === '') return [];
  const [versions, digests] = [columns.versions.split(' '), columns.digests.split(' ')];
  // Files may be called as members are that every object has.
  const xattrs = new Map(Object.entries(columns.xattrs));
  return columns.paths.split('\0').map((path, i) => {
    const facts = {
      version: versions[i] ?? '',
      digest: digests[i] ?? '',
      xattrs: xattrs.get(path) ?? '',
    };
    return [path, facts];
  });
}

function readColumns(file: string): Columns | undefined {
  try {
    const columns = JSON.parse(readFileSync(file, 'utf8')) as Columns;
    return columns.format === FORMAT ? columns : undefined;
  } catch {
    return undefined; // not there, or torn: it is only a memory
  }
}
