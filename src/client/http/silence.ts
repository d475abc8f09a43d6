/** Nothing moved on a connection for too long. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
  readonly code = 'ESILENCE';

  constructor(what: string, silenceMs: number) {
    super(`${what} for ${Math.round(silenceMs / 100) / 10} s`);
  }
}

/** Runs only while we wait for the other side: our own slowness is no silence of theirs. */
export class SilenceWatch implements Disposable {
  readonly #silenceMs: number;
  readonly #onSilence: (error: SilenceError) => void;
  #timer: NodeJS.Timeout | undefined;
  /** What is waited for; `undefined` while we are the ones who work. */
  #waitingFor: string | undefined;

  constructor(silenceMs: number, onSilence: (error: SilenceError) => void) {
    this.#silenceMs = silenceMs;
    this.#onSilence = onSilence;
  }

  /** Begins to wait, or goes on after something moved. */
  wait(what: string): void {
    this.#waitingFor = what;
    if (this.#timer !== undefined) this.#timer.refresh();
    else this.#timer = setTimeout(() => this.#expire(), this.#silenceMs).unref();
  }

  pause(): void {
    this.#waitingFor = undefined;
  }

  [Symbol.dispose](): void {
    this.pause();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    if (this.#waitingFor !== undefined) this.#onSilence(new SilenceError(this.#waitingFor, this.#silenceMs));
  }
}
