import type { LockReply, LockRequest } from './lock-messages.js';
import { LockTable } from './lock-table.js';

/** One process of those that share the locks. */
export interface LockClient {
  take(request: LockRequest): void;
  /** For when the process is gone: all that it held is free. */
  close(): void;
}

/** Has the table of locks for other processes, each at the end of a channel that keeps messages in order. */
export class LockServer {
  readonly #table = new LockTable();

  /** @param send to the process. */
  connect(send: (reply: LockReply) => void): LockClient {
    /** What gives each lock back, or ends the wait for it. */
    const held = new Map<number, () => void>();
    let closed = false;
    const grant = (id: number, giveBack: () => void) => {
      held.set(id, giveBack);
      send({ lock: 'granted', id });
    };
    const wait = async ({ id, wanted }: Extract<LockRequest, { lock: 'take' }>) => {
      const gone = new AbortController();
      held.set(id, () => gone.abort());
      try {
        const giveBack = await this.#table.takeAll(wanted, gone.signal);
        if (gone.signal.aborted) giveBack();
        else grant(id, giveBack);
      } catch {
        // It was given up, which nobody waits to hear.
      }
    };
    const take = (request: LockRequest) => {
      if (closed) return; // its last words came late
      const { id } = request;
      if (request.lock === 'release') {
        held.get(id)?.();
        held.delete(id);
        return;
      }
      if (request.lock === 'take') {
        void wait(request);
        return;
      }
      const giveBack = this.#table.tryTake(request.key, request.mode);
      if (giveBack) grant(id, giveBack);
      else send({ lock: 'busy', id });
    };
    const close = () => {
      closed = true;
      for (const giveBack of held.values()) giveBack();
      held.clear();
    };
    return { take, close };
  }
}
