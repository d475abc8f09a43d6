import { stat } from 'node:fs/promises';
import { reasonOf } from '../system-error.js';
import { toPem } from './certificate.js';
import {
  type KeyFileContent,
  newAuthority,
  newKey,
  parseKeyFile,
  type SigningKey,
  type StoredKey,
  type StoredKeys,
} from './token-key-file.js';
import { type AuthLog, WatchedFile } from './watched-file.js';

export type TokenKeysOptions = Readonly<{
  /** Replicas share the file. It is made if there is none. */
  path: string;
  /** Names the authority in its certificate. */
  issuer: string;
  /** How long a key signs; 0 is for ever. */
  rotationMs: number;
  /** How long what a key has signed is still shown. */
  overlapMs: number;
  /** Changes a file in one step, and one after the other. */
  editFile: (path: string, edit: (content: Buffer) => Buffer) => Promise<void>;
  log: AuthLog;
  /** Milliseconds since 1970. */
  now: () => number;
}>;

/** A new key is published so long before it signs: whoever verifies with the key set may remember it for a while. */
const MAX_LEAD_MS = 10 * 60 * 1000;
/** After a failure to store a new key. */
const RETRY_MS = 60_000;

/**
 * The keys that sign tokens, in a file that only their owner may read. A new one follows when its time has come; those
 * that signed before it stay until nothing of theirs can be valid any more. An authority that stays the same vouches for
 * each: those who trust its certificate need not know the keys.
 */
export class TokenKeys {
  readonly #options: TokenKeysOptions;
  readonly #file: WatchedFile<KeyFileContent | undefined>;
  #rotation: Promise<void> | undefined;
  #retryAt = 0;

  /** @throws {Error} the file cannot be read or made; the message names it. */
  static async open(options: TokenKeysOptions): Promise<TokenKeys> {
    const keys = new TokenKeys(options);
    try {
      await keys.#load();
      await keys.#checkMode();
    } catch (error) {
      const { path } = options;
      throw new Error(`berth.tokens.keys: cannot use ${path}: ${reasonOf(error)}`, { cause: error });
    }
    return keys;
  }

  private constructor(options: TokenKeysOptions) {
    this.#options = options;
    const { path, log, now } = options;
    this.#file = new WatchedFile<KeyFileContent | undefined>(undefined, {
      path,
      what: 'keys of tokens',
      parse: (text) => parseKeyFile(text),
      log,
      now,
    });
  }

  async #load(): Promise<void> {
    const missing = await this.#file.load().then(
      () => false,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return true;
        throw error;
      },
    );
    if (!missing && !this.#isOverdue((await this.all()).at(-1)?.from)) return;
    await this.#renew();
    await this.#file.load();
  }

  async #checkMode(): Promise<void> {
    const { path, log } = this.#options;
    const { mode } = await stat(path);
    if ((mode & 0o007) === 0) return;
    log.warn({ path, remedy: `chmod o= ${path}` }, 'everybody on this machine can read the keys of tokens');
  }

  /** The key that signs now. Never waits for a new one. */
  async signing(): Promise<SigningKey> {
    const now = this.#options.now();
    const keys = await this.all();
    if (this.#isDue(keys.at(-1)?.from)) void this.#rotate();
    const current = keys.findLast(({ from }) => from <= now) ?? keys[0];
    if (current === undefined) throw new Error(`there is no key in ${this.#options.path}`);
    return current;
  }

  async find(kid: string): Promise<SigningKey | undefined> {
    return (await this.all()).find((key) => key.kid === kid);
  }

  /** In the order in which they sign; the last may not do so yet. */
  async all(): Promise<readonly SigningKey[]> {
    return (await this.#content()).keys;
  }

  /** The public ones, as others want them. RFC 7517. */
  async keySet(): Promise<object> {
    const keys = (await this.all()).map(({ kid, publicKey, certificate }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      alg: 'ES256',
      use: 'sig',
      x5c: [certificate.toString('base64')],
    }));
    return { keys };
  }

  /** Of the authority, in PEM: it stays the same. */
  async certificate(): Promise<string> {
    return toPem((await this.#content()).authority);
  }

  /** For what nobody else needs to read. It stays the same. */
  async secret(): Promise<Buffer> {
    return (await this.#content()).secret;
  }

  async #content(): Promise<KeyFileContent> {
    const content = await this.#file.content();
    if (content === undefined) throw new Error(`there are no keys in ${this.#options.path}`);
    return content;
  }

  #isDue(lastFrom = 0): boolean {
    const { rotationMs, now } = this.#options;
    return rotationMs > 0 && now() >= lastFrom + rotationMs - leadMs(rotationMs);
  }

  /** Its certificate may be over: the next one does not wait until it is known. */
  #isOverdue(lastFrom = 0): boolean {
    const { rotationMs, now } = this.#options;
    return rotationMs > 0 && now() >= lastFrom + 2 * rotationMs;
  }

  /** One at a time; while it fails, the old key goes on. */
  async #rotate(): Promise<void> {
    const { now, log, path } = this.#options;
    if (this.#rotation !== undefined || now() < this.#retryAt) return this.#rotation;
    this.#rotation = this.#renew()
      .then(() => this.#file.load())
      .then(
        () => log.info({ path }, 'new key for tokens made'),
        (error: unknown) => {
          this.#retryAt = now() + RETRY_MS;
          log.warn({ path, reason: reasonOf(error) }, 'no new key for tokens, the old one goes on');
        },
      )
      .finally(() => {
        this.#rotation = undefined;
      });
    return this.#rotation;
  }

  /** Adds a key, unless another replica has done so meanwhile. */
  #renew(): Promise<void> {
    const { path, editFile } = this.#options;
    return editFile(path, (content) => {
      const { issuer, now } = this.#options;
      const stored = storedIn(content) ?? newAuthority(issuer, now());
      const last = stored.keys.at(-1)?.from;
      if (last !== undefined && !this.#isDue(Date.parse(last))) return content;
      const renewed = { ...stored, keys: [...this.#stillNeeded(stored.keys), this.#newKey(stored)] };
      return Buffer.from(`${JSON.stringify(renewed, undefined, 2)}\n`);
    });
  }

  /** A key is over with the last token that it signed, just before the next began to. */
  #stillNeeded(keys: readonly StoredKey[]): readonly StoredKey[] {
    const { now, overlapMs } = this.#options;
    return keys.filter((_, i) => {
      const next = keys[i + 1];
      return next === undefined || now() < Date.parse(next.from) + overlapMs;
    });
  }

  #newKey(stored: StoredKeys): StoredKey {
    const { issuer, now, rotationMs, overlapMs } = this.#options;
    const last = stored.keys.at(-1);
    const atOnce = last === undefined || this.#isOverdue(Date.parse(last.from));
    const from = atOnce ? now() : now() + leadMs(rotationMs);
    // Twice, for when the next one cannot be stored at once.
    const until = rotationMs > 0 ? from + 2 * rotationMs + overlapMs : undefined;
    return newKey(stored, { issuer, now: now(), from, until });
  }
}

/** @throws {Error} it is something else. */
function storedIn(content: Buffer): StoredKeys | undefined {
  if (content.length === 0) return undefined;
  parseKeyFile(content.toString());
  return JSON.parse(content.toString());
}

function leadMs(rotationMs: number): number {
  return Math.min(MAX_LEAD_MS, rotationMs / 10);
}
