// Hashes away from the event loop. The memory of the bytes comes with each message.
import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { HashReply, HashRequest } from './hash-pool.js';

const port = parentPort;
if (port === null) throw new Error('hash-worker runs as a worker thread only');

const sessions = new Map<number, Hash[]>();

port.on('message', (request: HashRequest) => {
  const { session } = request;
  if (request.kind === 'close') {
    sessions.delete(session);
    return;
  }
  if (request.kind === 'digest') {
    // A copy, so that an upload whose digest was wrong or only asked for can go on.
    const hex = (sessions.get(session) ?? []).map((hash) => hash.copy().digest('hex'));
    port.postMessage({ call: request.call, hex } satisfies HashReply);
    return;
  }
  const hashes = sessions.get(session) ?? request.algorithms.map((algorithm) => createHash(algorithm));
  sessions.set(session, hashes);
  for (const chunk of request.chunks) {
    for (const hash of hashes) hash.update(chunk);
    free(chunk);
  }
  port.postMessage({ call: request.call, hex: [] } satisfies HashReply);
});

/** Now, not at the next collection. */
function free({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
