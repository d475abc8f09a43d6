// Works on files away from the event loop.
import { closeSync, fsyncSync, openSync, rmdirSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { Gatherer, namesBelow } from './gathering.ts'; // so that it is found in tests, too, where this runs from its sources
import type { FilesReply, FilesRequest, FilesResult, FilesTask, FilesThreadData } from './many-files.js';

const port = parentPort;
if (port === null) throw new Error('many-files-worker runs as a worker thread only');
// Linux has a priority for each thread: this sets that of this one alone.
setPriority((workerData as FilesThreadData).nice);

port.on('message', ({ call, task }: FilesRequest) => {
  const failures: unknown[] = [];
  const result = perform(call, task, (work) => {
    try {
      return work();
    } catch (error) {
      failures.push(error);
      return undefined;
    }
  });
  const [error] = failures as (NodeJS.ErrnoException | undefined)[];
  const failure = error && { message: error.message, code: error.code ?? '' };
  port.postMessage({ call, result, ...(failure ? { failure } : {}) } satisfies FilesReply);
});

function perform(call: number, task: FilesTask, attempt: <T>(work: () => T) => T | undefined): FilesResult {
  if ('list' in task) return task.list.map((directory) => attempt(() => namesBelow(directory)) ?? '');
  if ('gather' in task) {
    const gatherer = new Gatherer(task.readUpTo, (part) =>
      port?.postMessage({ call, part } satisfies FilesReply, [part.bytes.buffer]),
    );
    for (const path of task.gather) attempt(() => gatherer.add(path));
    gatherer.end();
    return [];
  }
  if ('files' in task) {
    const { files, changedBefore } = task;
    return files.split('\0').map((file) => attempt(() => removeFile(file, changedBefore)));
  }
  const { paths, durable } = task;
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
