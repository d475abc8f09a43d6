import { didYouMean, findBoolean } from '../../spelling/index.js';

/** A `--mount` that makes no sense. */
export class MountError extends Error {
  override readonly name = 'MountError';
}

/** Key in lower case, and value. */
export type Field = readonly [key: string, value: string | undefined];

const TYPES = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
export type MountType = (typeof TYPES)[number];

export function typeOf(text: string): MountType {
  const type = TYPES.find((name) => name === text.toLowerCase());
  if (type !== undefined) return type;
  throw new MountError(
    `unsupported mount type ${JSON.stringify(text)}${didYouMean(text, TYPES)}; there are ${TYPES.join(', ')}`,
  );
}

/** Other names of keys. */
const ALIASES: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};
/** Keys that may stand without a value. */
const BARE = ['readonly', 'readwrite', 'required'];
/** Keys that only some types know; the others are ignored where they mean nothing. */
const ONLY: Readonly<Record<string, readonly MountType[]>> = {
  required: ['secret', 'ssh'],
  size: ['tmpfs'],
  sharing: ['cache'],
  env: ['secret'],
  mode: ['cache', 'secret', 'ssh'],
  uid: ['cache', 'secret', 'ssh'],
  gid: ['cache', 'secret', 'ssh'],
};
const KEYS = ['type', 'from', 'source', 'target', 'readonly', 'readwrite', 'id', ...Object.keys(ONLY)];

/** Values by the first name of their key; the last one counts. */
export class Values {
  readonly type: MountType;
  readonly #values = new Map<string, string>();

  constructor(type: MountType, fields: readonly Field[]) {
    this.type = type;
    for (const [written, value] of fields) this.#add(written, value);
    if (type === 'secret' && this.text('from') !== undefined)
      throw new MountError('a secret mount has no from=');
  }

  text(key: string): string | undefined {
    return this.#values.get(key);
  }

  boolean(key: string, otherwise = false): boolean {
    const text = this.text(key);
    if (text === undefined) return otherwise;
    const value = findBoolean(text);
    if (value === undefined) throw this.#invalid(key, text, 'true or false');
    return value;
  }

  number(key: string, base: 8 | 10, otherwise: number): number {
    const text = this.text(key);
    if (text === undefined) return otherwise;
    const digits = base === 8 ? /^[0-7]{1,11}$/ : /^\d{1,10}$/;
    const number = digits.test(text) ? Number.parseInt(text, base) : Number.NaN;
    if (number < 2 ** 32) return number;
    throw this.#invalid(key, text, base === 8 ? 'an octal mode' : 'a number');
  }

  oneOf<T extends string>(key: string, values: readonly T[], otherwise: T): T {
    const text = this.text(key);
    const found = values.find((value) => value === (text?.toLowerCase() ?? otherwise));
    if (found !== undefined) return found;
    throw this.#invalid(key, text ?? '', `one of ${values.join(', ')}${didYouMean(text ?? '', values)}`);
  }

  /** @returns bytes. */
  size(key: string): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    const [, number, unit = ''] = /^(\d{1,15}(?:\.\d{1,9})?) ?([kmgtp]?)i?b?$/i.exec(text) ?? [];
    if (number === undefined) throw this.#invalid(key, text, 'a size as in 64m');
    return Math.floor(Number(number) * 1024 ** ' kmgtp'.indexOf(unit.toLowerCase() || ' '));
  }

  /** The one that was said last of `readonly` and `readwrite`. */
  readOnly(otherwise: boolean): boolean {
    const last = [...this.#values.keys()].findLast((key) => key === 'readonly' || key === 'readwrite');
    if (last === undefined) return otherwise;
    return last === 'readonly' ? this.boolean('readonly') : !this.boolean('readwrite');
  }

  #add(written: string, value: string | undefined): void {
    const key = ALIASES[written] ?? written;
    if (!KEYS.includes(key)) {
      const nearest = didYouMean(written, [...KEYS, ...Object.keys(ALIASES)]);
      throw new MountError(`unexpected key ${JSON.stringify(written)} in --mount${nearest}`);
    }
    if (ONLY[key]?.includes(this.type) === false) {
      throw new MountError(`${key} means nothing for a mount of type ${this.type}`);
    }
    if (value === undefined && !BARE.includes(key))
      throw new MountError(`${written} needs a value: ${written}=…`);
    this.#values.delete(key);
    this.#values.set(key, value ?? 'true');
  }

  #invalid(key: string, value: string, wanted: string): MountError {
    return new MountError(`invalid ${key}=${value} of a ${this.type} mount: it is ${wanted}`);
  }
}
