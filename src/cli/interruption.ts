import { constants } from 'node:os';

/** Not SIGHUP: a handler would undo what nohup does. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Whoever sends so many does not want to wait for the cleaning up. */
const LAST = 3;

/** A signal ended the command. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  /** As shells have it: 130 after SIGINT, 143 after SIGTERM. */
  readonly exitCode: number;

  constructor(signal: (typeof SIGNALS)[number]) {
    super('interrupted');
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** While it lasts, signals do not end the process at once, but stop what it does, so that it leaves nothing behind. */
export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #count = 0;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: (typeof SIGNALS)[number]): void => {
    const error = new InterruptedError(signal);
    this.#count += 1;
    if (this.#count >= LAST) process.exit(error.exitCode);
    this.#controller.abort(error);
  };
}

/** The interruption that led to a failure, whatever others have made of it. */
export function interruptionIn(error: unknown): InterruptedError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof InterruptedError) return cause;
    if (cause instanceof AggregateError) {
      const found = cause.errors.map(interruptionIn).find((each) => each !== undefined);
      if (found !== undefined) return found;
    }
    if (cause instanceof SuppressedError)
      return interruptionIn(cause.suppressed) ?? interruptionIn(cause.error);
  }
  return undefined;
}
