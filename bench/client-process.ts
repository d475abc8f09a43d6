import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Order, Reply } from './client.ts';
import { ENOUGH, type ImagesOrder } from './images.ts';
import type { PushedImage, Work } from './work.ts';

/** The harness's end of the client process. */
export class ClientProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(fileURLToPath(new URL('./client.ts', import.meta.url)));
  }

  /** @throws {Error} what the client could not do, in its words. */
  async ask(order: Order): Promise<Work> {
    const gone = new AbortController();
    const exit = () => gone.abort(new Error('the client process ended'));
    this.#child.once('exit', exit);
    try {
      this.#child.send(order);
      const [reply] = (await once(this.#child, 'message', { signal: gone.signal })) as [Reply];
      if ('error' in reply) throw new Error(reply.error);
      return reply.work;
    } finally {
      this.#child.off('exit', exit);
    }
  }

  /** Pushes images for as long as `work` takes. */
  async pushMeanwhile(order: ImagesOrder, work: () => Promise<void>): Promise<readonly PushedImage[]> {
    const pushed = this.ask(order);
    pushed.catch(() => {}); // told of below
    await work();
    this.#child.send(ENOUGH);
    const { images = [] } = await pushed;
    return images;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }
}
