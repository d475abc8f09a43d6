import { setTimeout as sleep } from 'node:timers/promises';
import type { RuntimeEvent, RuntimeEvents } from '../../runtime/container/index.js';
import type { EngineEvent, PostedEvent } from './event.js';

/** Other processes post too, and tell nobody: so often somebody looks. */
const LOOK_AGAIN_MS = 100;

/** What happens on this machine, whichever process does it; the last events are kept, over the end of the engine too. */
export class EventBus {
  readonly #log: Pick<RuntimeEvents, 'post' | 'after' | 'last'>;

  constructor(log: Pick<RuntimeEvents, 'post' | 'after' | 'last'>) {
    this.#log = log;
  }

  post({ type, action, id, attributes }: EngineEvent): void {
    this.#log.post({ type, action, actor: id, attributes });
  }

  /** The number of the last one, for {@link after}. */
  get last(): number {
    return this.#log.last;
  }

  after(number: number): PostedEvent[] {
    return this.#log.after(number).map(postedOf);
  }

  /** From the oldest that is kept and not before `sinceNs` on, then as they come, until `signal`. */
  async *follow(sinceNs: bigint | undefined, signal: AbortSignal): AsyncGenerator<PostedEvent> {
    let number = sinceNs === undefined ? this.last : 0;
    while (!signal.aborted) {
      for (const event of this.#log.after(number)) {
        number = event.number;
        if (sinceNs === undefined || event.timeNs >= sinceNs) yield postedOf(event);
        if (signal.aborted) return;
      }
      await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {}); // it is over
    }
  }

  /** What is kept between two times, both included. */
  between(sinceNs: bigint, untilNs: bigint): PostedEvent[] {
    return this.after(0).filter(({ timeNs }) => timeNs >= sinceNs && timeNs <= untilNs);
  }
}

function postedOf({ type, action, actor, attributes, timeNs }: RuntimeEvent): PostedEvent {
  return { type: type as PostedEvent['type'], action, id: actor, attributes, timeNs };
}
