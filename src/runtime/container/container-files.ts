import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Change } from '../../layer/index.js';
import type { Digest } from '../../oci/index.js';
import { ContainerFileNotFoundError } from '../errors.js';
import { type FileStat, FilesProcess, type WriteOptions } from '../files/index.js';
import { openMachine } from '../machine.js';
import { marksOf } from '../overlay.js';
import type { ContainerRecord } from './container-record.js';
import { openView } from './container-view.js';
import type { HostParts } from './host-parts.js';

type Signals = Readonly<{ signal?: AbortSignal | undefined }>;
type Locked = <T>(text: string, work: (record: ContainerRecord) => Promise<T>) => Promise<T>;

/** Where every container has something mounted, whether or not its image has a place for that. */
const STANDARD_PLACES = ['proc', 'sys', 'dev', 'etc', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

/** The files of one container, for as long as they are open. */
export interface OpenFiles {
  /** @returns `undefined` where nothing is. */
  stat(path: string): Promise<FileStat | undefined>;
  /** @throws {ContainerFileNotFoundError} */
  find(path: string): Promise<FileStat>;
  /**
   * A file, or a directory with what is in it, as a tar. Once.
   * @param request `name`: what it is called there, as in tarStream. @throws {ContainerFileNotFoundError}
   */
  read(
    request: Readonly<{ path: string; name: string }>,
    use: (tar: Readable) => Promise<void>,
  ): Promise<void>;
  /** Unpacks a tar. Once. @throws {ContainerFileNotFoundError} @throws {ContainerFileError} */
  write(
    tar: AsyncIterable<Uint8Array>,
    options: Omit<WriteOptions, 'user'> & { asUser: boolean },
  ): Promise<void>;
}

/**
 * What containers have in their root filesystems, and what they changed of their images. A container is seen with its
 * volumes, whether it runs or not; what it has in memory is not seen.
 */
export class ContainerFiles {
  readonly #parts: HostParts;
  readonly #locked: Locked;

  constructor(parts: HostParts, locked: Locked) {
    this.#parts = parts;
    this.#locked = locked;
  }

  /** Nobody starts, stops or removes it meanwhile, as with docker. */
  async open<T>(text: string, work: (files: OpenFiles) => Promise<T>, { signal }: Signals = {}): Promise<T> {
    return this.#locked(text, async (record) => {
      await using view = await openView(record, this.#parts, { withMounts: true, signal });
      const { files } = view;
      const find = async (path: string) => {
        const stat = await files.stat(path);
        if (stat === undefined) throw notFound(path, text);
        return stat;
      };
      return await work({
        stat: (path) => files.stat(path),
        find,
        read: async (request, use) => {
          await find(request.path);
          await files.read(request, use);
          this.#parts.post(record, 'archive-path', { path: request.path });
        },
        write: async (tar, { asUser, ...options }) => {
          const user = asUser ? (record.config.User ?? '') : '';
          await files.write(tar, { ...options, user }).catch((error: unknown) => {
            throw error instanceof ContainerFileNotFoundError ? notFound(options.path, text) : error;
          });
          this.#parts.post(record, 'extract-to-dir', { path: options.path });
        },
      });
    });
  }

  /** All of its root filesystem as a tar, without what is in volumes. */
  async export(text: string, use: (tar: Readable) => Promise<void>, { signal }: Signals = {}): Promise<void> {
    await this.#locked(text, async (record) => {
      await using view = await openView(record, this.#parts, { withMounts: false, signal });
      await view.files.read({ path: '/', name: '' }, use);
      this.#parts.post(record, 'export');
    });
  }

  /** What is not as its image has it, as `docker diff` tells of it. */
  async changes(text: string, options: Signals = {}): Promise<readonly Change[]> {
    const record = this.#parts.store.get(text);
    return (await this.#changed(record, options, (files) => files.list())) ?? [];
  }

  /**
   * Writes what a container changed as the tar of a layer.
   * @param path of a new file. @returns `undefined`, with perhaps a file of no use, where it changed nothing.
   */
  layer(
    { id }: ContainerRecord,
    path: string,
    options: Signals = {},
  ): Promise<Readonly<{ digest: Digest; size: number }> | undefined> {
    const record = this.#parts.store.get(id);
    return this.#changed(record, { ...options, layer: path }, (files) => files.writeLayer());
  }

  noteCommit(
    record: ContainerRecord,
    attributes: Readonly<{ comment: string; imageID: string; imageRef: string }>,
  ): void {
    this.#parts.post(record, 'commit', attributes);
  }

  async #changed<T>(
    record: ContainerRecord,
    { signal, layer }: Signals & Readonly<{ layer?: string }>,
    work: (files: FilesProcess) => Promise<T>,
  ): Promise<T | undefined> {
    const folder = this.#parts.folder(record.id);
    if (!existsSync(folder.file('u'))) return undefined; // it was never started
    using machine = await openMachine(this.#parts.machineOptions);
    const { stack } = this.#parts.images.open(record.image.manifest);
    const destinations = record.mounts.map(({ destination }) => destination.slice(1));
    await using files = await FilesProcess.start(
      {
        kind: 'changed',
        directory: folder.path,
        upper: folder.file('u'),
        lowers: await machine.snapshots.ensure(stack, signal && { signal }),
        marks: marksOf(machine.overlay),
        leftovers: [...STANDARD_PLACES, ...destinations],
        ...(layer !== undefined && { layer }),
      },
      { signal },
    );
    return await work(files); // it ends with this block
  }
}

function notFound(path: string, text: string): ContainerFileNotFoundError {
  return new ContainerFileNotFoundError(`Could not find the file ${path} in container ${text}`);
}
