import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { lastWords } from './errors.js';

/**
 * Waits until a program that goes on without us says by a byte on its fd 3 that it is ready, and lets go of it. Its fds 2 and
 * 3 are pipes. @returns nothing, or its last words where it has ended instead.
 */
export async function untilReady(child: ChildProcess): Promise<string | undefined> {
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint += chunk;
  });
  const ready = child.stdio[3] as Readable;
  const isReady = await Promise.race([
    once(ready, 'data').then(() => true),
    once(child, 'exit').then(() => false),
  ]);
  ready.destroy();
  child.stderr?.destroy();
  child.unref();
  return isReady ? undefined : lastWords(complaint) || 'it ended at once';
}
