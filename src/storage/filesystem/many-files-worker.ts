// Works on files away from the event loop.
import { closeSync, fsyncSync, openSync, rmdirSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { FilesReply, FilesRequest, FilesThreadData, Removal } from './many-files.js';

const port = parentPort;
if (port === null) throw new Error('many-files-worker runs as a worker thread only');
// Linux has a priority for each thread: this sets that of this one alone.
setPriority((workerData as FilesThreadData).nice);

port.on('message', ({ call, removal }: FilesRequest) => {
  const failures: unknown[] = [];
  const sizes = perform(removal, (work) => {
    try {
      return work();
    } catch (error) {
      failures.push(error);
      return undefined;
    }
  });
  const [error] = failures as (NodeJS.ErrnoException | undefined)[];
  const failure = error && { message: error.message, code: error.code ?? '' };
  port.postMessage({ call, sizes, ...(failure ? { failure } : {}) } satisfies FilesReply);
});

function perform(removal: Removal, attempt: <T>(work: () => T) => T | undefined): (number | undefined)[] {
  if ('files' in removal) {
    const { files, changedBefore } = removal;
    return files.map((file) => attempt(() => removeFile(file, changedBefore)));
  }
  const { paths, durable } = removal;
  for (const path of paths) attempt(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
  if (durable) for (const directory of new Set(paths.map(dirname))) attempt(() => sync(directory));
  return [];
}

/** With its directory, if that is empty then. @returns its size, if that had to be looked at and it is gone. */
function removeFile(file: string, changedBefore: number | undefined): number | undefined {
  const info = changedBefore === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  if (changedBefore !== undefined && !(info && info.ctimeMs < changedBefore)) return undefined;
  unlessCode(['ENOENT'], () => unlinkSync(file));
  unlessCode(['ENOENT', 'ENOTEMPTY', 'EEXIST'], () => rmdirSync(dirname(file)));
  return info?.size;
}

/** Makes what was removed from a directory stay so after a power cut. */
function sync(directory: string): void {
  const descriptor = unlessCode(['ENOENT', 'ENOTDIR'], () => openSync(directory, 'r'));
  if (descriptor === undefined) return; // it went too
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** @returns `undefined` where the system refuses for one of these reasons. */
function unlessCode<T>(codes: readonly string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return undefined;
  }
}
