/** Lets requests through while the server is there, and tells when none is under way. */
export class Gate {
  #open = false;
  #closedForGood = false;
  #underWay = 0;
  #waiting: (() => void)[] = [];
  #quiet: (() => void)[] = [];

  open(): void {
    this.#open = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  close(): void {
    this.#open = false;
  }

  /** Whoever waits, now or later, is turned away. */
  closeForGood(): void {
    this.#closedForGood = true;
    this.open();
  }

  /** Resolves once nothing is under way; the gate should be closed. */
  async quiet(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }

  /** @throws {GateClosedError} */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (!this.#open) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#closedForGood) throw new GateClosedError('no more requests');
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const go of this.#quiet.splice(0)) go();
    }
  }
}

export class GateClosedError extends Error {
  override readonly name = 'GateClosedError';
}
