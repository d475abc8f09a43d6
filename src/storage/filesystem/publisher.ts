import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Publication, StoragePath } from '../driver.js';
import { PathNotFoundError } from '../errors.js';
import { checkPath } from '../path.js';
import { makeDirectory, syncDirectory } from './directories.js';
import { explained, isAbsent } from './system-errors.js';

/** A file whose bytes are durable, on its way from one name to another; `to` is a path of the system. */
type Prepared = Readonly<{ publication: Publication; source: string; to: string }>;

/**
 * Makes files durable under their names. Each step is done for all files of a stage side by side, since a disk
 * syncs many files in hardly more time than one.
 */
export class FilesystemPublisher {
  readonly #root: string;
  readonly #scratch: string;
  /** Made by us, and not yet known to be durable: whoever names something below must sync them too. */
  readonly #fresh = new Set<string>();

  /** @param scratch where new files are written before they get their name. */
  constructor(root: string, scratch: StoragePath) {
    this.#root = root;
    this.#scratch = join(root, scratch);
  }

  async publish(stages: readonly (readonly Publication[])[]): Promise<void> {
    const [first] = stages.flat();
    if (first === undefined) return;
    await explained(first.path, async () => {
      const results = await Promise.allSettled(
        stages.flat().map((publication) => this.#prepare(publication)),
      );
      const prepared = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      try {
        for (const result of results) if (result.status === 'rejected') throw result.reason;
        for (const stage of stages)
          await this.#name(prepared.filter((file) => stage.includes(file.publication)));
      } catch (error) {
        await Promise.all(prepared.map(removeScratch));
        throw error;
      }
    });
  }

  /** Makes a directory that becomes durable with the first file that is published below it. */
  async makeDirectory(path: string): Promise<void> {
    const first = await makeDirectory(path, this.#root);
    if (first === undefined) return;
    for (let made = path; made.length >= first.length; made = dirname(made)) this.#fresh.add(made);
  }

  /** For directories that are no longer there. */
  forgetDirectories(paths: Iterable<string>): void {
    if (this.#fresh.size > 0) for (const path of paths) this.#fresh.delete(path);
  }

  /** Makes the bytes durable, and the directory that they will be named in. */
  async #prepare(publication: Publication): Promise<Prepared> {
    if ('file' in publication) throw new TypeError('this driver creates no files to publish');
    const to = join(this.#root, checkPath(publication.path));
    await this.makeDirectory(dirname(to));
    if ('from' in publication) {
      const source = join(this.#root, checkPath(publication.from));
      await syncFile(source, publication.from);
      return { publication, source, to };
    }
    const source = join(this.#scratch, `${randomUUID()}.tmp`);
    await this.#writeScratch(source, publication);
    return { publication, source, to };
  }

  async #name(files: readonly Prepared[]): Promise<void> {
    await Promise.all(files.map(({ source, to }) => rename(source, to)));
    const durable = files.filter(({ publication }) => !('durable' in publication) || publication.durable);
    const named = durable.map(({ to }) => dirname(to));
    const fresh = named.flatMap((directory) => this.#freshAbove(directory));
    await Promise.all([...new Set([...named, ...fresh.map(dirname)])].map(syncDirectory));
    for (const directory of fresh) this.#fresh.delete(directory);
  }

  /** Of the directory and those above it, the ones that may not be durable yet. */
  #freshAbove(path: string): string[] {
    const fresh: string[] = [];
    for (let each = path; each.length > this.#root.length; each = dirname(each)) {
      if (this.#fresh.has(each)) fresh.push(each);
    }
    return fresh;
  }

  async #writeScratch(
    path: string,
    { bytes, durable = true }: { bytes: Uint8Array; durable?: boolean },
  ): Promise<void> {
    const create = () => open(path, 'wx', 0o666);
    const opened = create().catch(async (error: unknown) => {
      if (!isAbsent(error)) throw error;
      await makeDirectory(this.#scratch, this.#root);
      return create();
    });
    await using file = await opened;
    try {
      await file.writeFile(bytes);
      if (durable) await file.datasync();
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }
}

async function removeScratch({ publication, source }: Prepared): Promise<void> {
  if ('bytes' in publication) await rm(source, { force: true });
}

async function syncFile(source: string, path: StoragePath): Promise<void> {
  try {
    await using file = await open(source, 'r');
    await file.datasync();
  } catch (error) {
    if (isAbsent(error)) throw new PathNotFoundError(path, { cause: error });
    throw error;
  }
}
