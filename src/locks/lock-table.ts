import type { LockMode, WantedLock } from './locks.js';

type Waiting = Readonly<{ mode: LockMode; grant: () => void }>;

/** Who has a key, and who waits for it. */
type Entry = { holders: number; mode: LockMode; readonly waiting: Waiting[] };

/** Which keys are held. What is granted is given back by calling it, once. */
export class LockTable {
  readonly #entries = new Map<string, Entry>();

  /** @returns `undefined` when somebody has it, or waits for it already. */
  tryTake(key: string, mode: LockMode): (() => void) | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      const taken: Entry = { holders: 1, mode, waiting: [] };
      this.#entries.set(key, taken);
      return () => this.#giveBack(key, taken);
    }
    if (mode === 'alone' || entry.mode === 'alone' || entry.waiting.length > 0) return undefined;
    entry.holders += 1;
    return () => this.#giveBack(key, entry);
  }

  /** @param signal gives up waiting. @throws its reason. */
  async take(key: string, mode: LockMode, signal?: AbortSignal): Promise<() => void> {
    const taken = this.tryTake(key, mode);
    if (taken) return taken;
    signal?.throwIfAborted();
    const entry = this.#entries.get(key);
    if (entry === undefined) throw new Error(`nobody has ${key}`);
    await new Promise<void>((resolve, reject) => {
      const grant = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const waiting = { mode, grant };
      const giveUp = () => {
        entry.waiting.splice(entry.waiting.indexOf(waiting), 1);
        this.#grant(key, entry); // to those behind, who may have waited for this one only
        reject(signal?.reason);
      };
      entry.waiting.push(waiting);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
    return () => this.#giveBack(key, entry);
  }

  /** Several, each once those before it are taken. @param signal gives up waiting. @throws its reason. */
  async takeAll(wanted: readonly WantedLock[], signal?: AbortSignal): Promise<() => void> {
    const taken: (() => void)[] = [];
    const giveBack = () => {
      for (const each of taken) each();
    };
    try {
      for (const { key, mode } of wanted)
        taken.push(this.tryTake(key, mode) ?? (await this.take(key, mode, signal)));
      return giveBack;
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  #giveBack(key: string, entry: Entry): void {
    entry.holders -= 1;
    this.#grant(key, entry);
  }

  /** To all in turn who may have it now. */
  #grant(key: string, entry: Entry): void {
    for (let next = entry.waiting[0]; next !== undefined; next = entry.waiting[0]) {
      if (entry.holders > 0 && (next.mode === 'alone' || entry.mode === 'alone')) return;
      entry.waiting.shift();
      entry.holders += 1;
      entry.mode = next.mode;
      next.grant();
    }
    if (entry.holders === 0) this.#entries.delete(key);
  }
}
