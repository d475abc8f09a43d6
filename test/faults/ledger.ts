/** `undefined` stands for absent. `only`: changes nothing unless this was the value before. */
type Write = {
  readonly value: string | undefined;
  readonly only: string | undefined;
  readonly start: number;
  end: number;
  acknowledged: boolean;
};

const NEVER = Number.POSITIVE_INFINITY;

/** What one name may mean after changes that overlapped, were acknowledged, or were cut off half-way. */
class Register {
  #writes: Write[] = [{ value: undefined, only: undefined, start: 0, end: 0, acknowledged: true }];

  add(write: Write): void {
    this.#writes.push(write);
  }

  remove(write: Write): void {
    this.#writes = this.#writes.filter((other) => other !== write);
  }

  settle(now: number): void {
    for (const write of this.#writes) write.end = Math.min(write.end, now);
    this.#writes = this.#writes.filter((write) => !this.#isOverwritten(write));
  }

  /** Whether some order of the changes ends with this value, with every acknowledged one in its place. */
  allows(value: string | undefined): boolean {
    return this.#writes.some((write) => write.value === value && !this.#isOverwritten(write));
  }

  get values(): (string | undefined)[] {
    return this.#writes.filter((write) => !this.#isOverwritten(write)).map(({ value }) => value);
  }

  #isOverwritten(write: Write): boolean {
    return this.#writes.some(
      (other) =>
        other.acknowledged &&
        other.start > write.end &&
        (other.only === undefined || other.only === write.value),
    );
  }
}

export type Name = string;
export type Change = Readonly<{ name: Name; value: string | undefined; only?: string }>;

/** Something under way that changes names: it ends acknowledged, without effect, or nobody knows how. */
export type Attempt = Readonly<{ acknowledge(): void; withdraw(): void }>;

/** Remembers what clients were promised, and checks what the registry shows against it. */
export class Ledger {
  readonly #registers = new Map<Name, Register>();
  readonly #touched = new Set<Name>();
  #clock = 0;

  begin(changes: readonly Change[]): Attempt {
    this.#clock += 1;
    const writes = changes.map(({ name, value, only }) => {
      const write = { value, only, start: this.#clock, end: NEVER, acknowledged: false };
      this.#register(name).add(write);
      this.#touched.add(name);
      return { name, write };
    });
    return {
      acknowledge: () => {
        this.#clock += 1;
        for (const { write } of writes) Object.assign(write, { end: this.#clock, acknowledged: true });
      },
      withdraw: () => {
        for (const { name, write } of writes) this.#register(name).remove(write);
      },
    };
  }

  /** To be called while nothing is under way: what was cut off until now has no effect from now on. */
  settle(): void {
    this.#clock += 1;
    for (const register of this.#registers.values()) register.settle(this.#clock);
  }

  allows(name: Name, value: string | undefined): boolean {
    return this.#register(name).allows(value);
  }

  /** In words. */
  allowed(name: Name): string {
    return [...new Set(this.#register(name).values)].map((value) => value ?? 'nothing').join(' or ');
  }

  /** What changed since the last call. */
  takeTouched(): Set<Name> {
    const touched = new Set(this.#touched);
    this.#touched.clear();
    return touched;
  }

  names(): Name[] {
    return [...this.#registers.keys()];
  }

  /** What cannot be there any more, and was shown not to be, need not be looked for for ever. */
  forget(name: Name): void {
    const values = this.#register(name).values;
    if (values.length === 1 && values[0] === undefined) this.#registers.delete(name);
  }

  #register(name: Name): Register {
    const register = this.#registers.get(name) ?? new Register();
    this.#registers.set(name, register);
    return register;
  }
}
