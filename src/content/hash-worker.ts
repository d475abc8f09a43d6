// Hashes away from the event loop. Bytes arrive in slots of one shared buffer; a message says what is in them.
import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashReply, HashRequest, HashWorkerData } from './hash-pool.js';

const { shared, slotBytes } = workerData as HashWorkerData;
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
  const bytes = new Uint8Array(shared, request.slot * slotBytes, request.length);
  for (const hash of hashes) hash.update(bytes);
  port.postMessage({ call: request.call, hex: [] } satisfies HashReply);
});
