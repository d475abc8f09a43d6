/** Whoever asks for the same while it is being done waits for that. */
export class SingleFlight<Result> {
  readonly #underWay = new Map<string, Promise<Result>>();

  run(key: string, work: () => Promise<Result>): Promise<Result> {
    const others = this.#underWay.get(key);
    if (others !== undefined) return others;
    const done = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, done);
    return done;
  }
}
