/** Variables in the order in which they were first set, as `NAME=value`. A new value keeps the old place. */
export class Environment {
  readonly #values: Map<string, string>;

  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.#values = new Map(entries);
  }

  /** @param lines `NAME=value`; without `=` the value is empty. */
  static parse(lines: readonly string[]): Environment {
    return new Environment(lines.map(splitPair));
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  lines(): string[] {
    return [...this.#values].map(([name, value]) => `${name}=${value}`);
  }

  clone(): Environment {
    return new Environment(this.#values);
  }
}

function splitPair(line: string): [string, string] {
  const equals = line.indexOf('=');
  return equals < 0 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)];
}
