import { type LockRequest, RemoteLocks } from '../locks/index.js';
import type { Health } from '../registry/operations/index.js';
import type { FromWorker, Question, ToWorker } from './worker-messages.js';

/** Set for the processes that one started, so that each knows what it is without loading anything. */
export const WORKER_VARIABLE = 'BERTH_WORKER';

export type Worker = Readonly<{
  locks: RemoteLocks;
  /** Says that requests are taken, and answers questions from then on. */
  listening: (
    address: string,
    parts: { health: Pick<Health, 'status' | 'setManual'>; metrics: () => unknown },
  ) => void;
  /** Lets the process end, by itself and with its own exit code, once nothing is left to do. */
  leave: () => void;
}>;

/** @returns `undefined` in a process that serves alone. */
export function findWorker(): Worker | undefined {
  if (process.send === undefined || process.env[WORKER_VARIABLE] === undefined) return undefined;
  const send = (message: FromWorker) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {}); // without the other end, it ends
  };
  const gone = new AbortController();
  process.once('disconnect', () => gone.abort(new Error('the process that grants locks is gone')));
  const locks = new RemoteLocks({
    send: fewer((requests) => send({ locks: requests })),
    listen: (listener) => {
      process.on('message', (message: ToWorker) => {
        if ('lock' in message) listener(message);
      });
    },
    lost: gone.signal,
  });
  return {
    locks,
    listening: (address, { health, metrics }) => {
      const answers: Record<Question, () => unknown> = {
        health: () => health.status(),
        down: () => health.setManual(true),
        up: () => health.setManual(false),
        metrics,
      };
      process.on('message', async (message: ToWorker) => {
        if (!('ask' in message)) return;
        const answer = await Promise.resolve()
          .then(answers[message.ask])
          .catch(() => undefined); // as if it were too busy to answer
        send({ id: message.id, answer });
      });
      send({ listening: address });
    },
    leave: () => process.channel?.unref(),
  };
}

/**
 * A message costs both processes more than all else about a lock. Who gives one back waits for nothing: what is given back in
 * one turn of the event loop goes in one message, or with the next that asks for a lock.
 */
function fewer(send: (requests: readonly LockRequest[]) => void): (request: LockRequest) => void {
  const waiting: LockRequest[] = [];
  const flush = () => {
    if (waiting.length > 0) send(waiting.splice(0));
  };
  return (request) => {
    waiting.push(request);
    if (request.lock !== 'release') flush();
    else if (waiting.length === 1) setImmediate(flush);
  };
}
