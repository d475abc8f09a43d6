import type { ChildProcess } from 'node:child_process';

/** What Node's cluster sends to a worker with each connection, and what the worker answers. */
type ClusterMessage = Readonly<{ cmd?: string; act?: string; seq?: number; ack?: number }>;
type Closable = Readonly<{ close(): void }>;

/**
 * The connections that the primary has handed to a worker, and the worker has not taken yet. When it is killed, Node forgets
 * those without closing them, and their clients would wait for ever: closed, they try again.
 */
export class Handoffs {
  readonly #pending = new Map<number, Closable>();

  /** From now on, of this worker. */
  constructor(worker: ChildProcess) {
    const send = worker.send.bind(worker) as (...args: unknown[]) => boolean;
    worker.send = (message: ClusterMessage, ...rest: unknown[]) => {
      const [handle] = rest;
      if (
        message.cmd === 'NODE_CLUSTER' &&
        message.act === 'newconn' &&
        message.seq !== undefined &&
        isClosable(handle)
      )
        this.#pending.set(message.seq, handle);
      return send(message, ...rest);
    };
    worker.on('internalMessage', ({ ack }: ClusterMessage) => {
      if (ack !== undefined) this.#pending.delete(ack);
    });
  }

  /** The worker is gone. */
  close(): void {
    for (const handle of this.#pending.values()) handle.close();
    this.#pending.clear();
  }
}

function isClosable(handle: unknown): handle is Closable {
  return typeof handle === 'object' && handle !== null && 'close' in handle;
}
