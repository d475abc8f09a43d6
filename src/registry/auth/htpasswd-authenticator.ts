import { hash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import {
  type Caller,
  type Login,
  type PasswordAuthenticator,
  RefusedLoginError,
  type Subject,
} from './authenticator.js';
import { basicChallenge, parseBasic } from './basic.js';
import { CheckQueue } from './check-queue.js';
import type { Htpasswd } from './htpasswd.js';
import { createMissingHtpasswd, openHtpasswd } from './htpasswd-file.js';
import { matches, type PasswordHash } from './password-hash.js';
import { VerifiedPasswords } from './verified-passwords.js';
import type { AuthLog, WatchedFile } from './watched-file.js';

export type HtpasswdOptions = Readonly<{
  path: string;
  realm: string;
  log: AuthLog;
  /** How long a right password is not checked again, in milliseconds; 0 checks each time. */
  verifiedTtlMs: number;
  /** Told the password of the user that was made, when the file was missing. Without it, that is an error. */
  onCreated?: ((user: string, password: string) => void) | undefined;
  /** Milliseconds of any clock that never goes back. */
  now?: (() => number) | undefined;
  checksAtOnce?: number | undefined;
  maxWaitingChecks?: number | undefined;
}>;

const MAX_REMEMBERED = 10_000;

/** What an unknown user is checked against while the file has no users; nobody knows its password. */
const DECOY: PasswordHash = { scheme: 'bcrypt', text: `$2b$10$${'.'.repeat(53)}` };

/** Users and passwords of an htpasswd file, over HTTP Basic. */
export class HtpasswdAuthenticator implements PasswordAuthenticator {
  readonly canLogIn = true;
  readonly #challenge: string;
  readonly #file: WatchedFile<Htpasswd>;
  readonly #verified: VerifiedPasswords;
  readonly #checks: CheckQueue;

  private constructor(file: WatchedFile<Htpasswd>, options: HtpasswdOptions & { now: () => number }) {
    this.#challenge = basicChallenge(options.realm);
    this.#file = file;
    this.#verified = new VerifiedPasswords({
      ttlMs: options.verifiedTtlMs,
      capacity: MAX_REMEMBERED,
      now: options.now,
    });
    this.#checks = new CheckQueue({
      // bcrypt shares the thread pool with all file access, so most of its four threads must stay free.
      atOnce: options.checksAtOnce ?? Math.min(2, availableParallelism()),
      maxWaiting: options.maxWaitingChecks ?? 128,
    });
  }

  /** @throws {Error} the file cannot be read or made; the message names it. */
  static async open(options: HtpasswdOptions): Promise<HtpasswdAuthenticator> {
    const { path, log, onCreated, now = () => performance.now() } = options;
    const password = onCreated && (await createMissingHtpasswd(path));
    if (password !== undefined) onCreated?.('docker', password);
    return new HtpasswdAuthenticator(await openHtpasswd(path, log, now), { ...options, now });
  }

  challenge(): string {
    return this.#challenge;
  }

  async authenticate(header: string | undefined): Promise<Caller> {
    const credentials = parseBasic(header);
    if (credentials === undefined) return { identity: 'anonymous', proven: false };
    const { user, password } = credentials;
    const caller: Caller = { identity: { user }, proven: true };
    const { users } = await this.#file.content();
    const stored = users.get(user);
    // A name that does not exist must not be found out by a quicker answer.
    const against = stored ?? decoyFor(user, users);
    const key = this.#verified.keyOf(user, password, against.text);
    if (stored !== undefined && this.#verified.has(key)) return caller;
    const right = await this.#checks.run(key, user, () => matches(password, against));
    if (!right || stored === undefined) throw new RefusedLoginError(stored && user);
    this.#verified.add(key);
    return caller;
  }

  async recall({ user }: Subject): Promise<Login | undefined> {
    const { users } = await this.#file.content();
    const stored = users.get(user);
    return stored && { identity: { user }, fingerprint: hash('sha256', stored.text) };
  }

  close(): void {
    this.#verified.clear();
  }
}

/** Somebody else's hash, always the same for one name: it costs what the hashes in this file cost. */
function decoyFor(user: string, users: ReadonlyMap<string, PasswordHash>): PasswordHash {
  if (users.size === 0) return DECOY;
  const hashes = [...users.values()];
  const sum = [...user].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7);
  return hashes[sum % hashes.length] ?? DECOY;
}
