// Removes files away from the event loop.
import { closeSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { RemovalReply, RemovalRequest } from './remover.js';

/** Whoever waits for an answer goes first. Linux has a priority for each thread: this sets that of this one alone. */
const NICE = 10;

const port = parentPort;
if (port === null) throw new Error('removal-worker runs as a worker thread only');
setPriority(NICE);

port.on('message', ({ call, paths, durable }: RemovalRequest) => {
  const failures: unknown[] = [];
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      failures.push(error);
    }
  };
  for (const path of paths) attempt(() => rmSync(path, { recursive: true, force: true, maxRetries: 3 }));
  if (durable) for (const directory of new Set(paths.map(dirname))) attempt(() => sync(directory));
  const [error] = failures as (NodeJS.ErrnoException | undefined)[];
  const failure = error && { message: error.message, code: error.code ?? '' };
  port.postMessage({ call, ...(failure ? { failure } : {}) } satisfies RemovalReply);
});

/** Makes what was removed from a directory stay so after a power cut. */
function sync(directory: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(directory, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return; // it went too
    throw error;
  }
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
