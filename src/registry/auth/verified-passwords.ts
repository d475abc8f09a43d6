import { createHmac, randomBytes } from 'node:crypto';

/**
 * Remembers for a while which passwords were right, since clients send theirs with each request and a check is slow
 * by design. A changed hash makes another key, so that what was remembered for the old one is never found again.
 */
export class VerifiedPasswords {
  readonly #secret = randomBytes(32);
  readonly #expiries = new Map<string, number>();
  readonly #ttlMs: number;
  readonly #capacity: number;
  readonly #now: () => number;

  constructor(options: { ttlMs: number; capacity: number; now: () => number }) {
    this.#ttlMs = options.ttlMs;
    this.#capacity = options.capacity;
    this.#now = options.now;
  }

  /** Names a user with a password and the stored hash it is checked against, and gives away none of them. */
  keyOf(user: string, password: Buffer, storedHash: string): string {
    // The lengths keep parts that contain the separator apart.
    const hmac = createHmac('sha256', this.#secret).update(
      `${Buffer.byteLength(user)}:${password.length}:${user}\0`,
    );
    return hmac.update(password).update(`\0${storedHash}`).digest('base64');
  }

  has(key: string): boolean {
    const expiry = this.#expiries.get(key);
    if (expiry === undefined) return false;
    this.#expiries.delete(key);
    if (this.#now() >= expiry) return false;
    this.#expiries.set(key, expiry); // now the one used last
    return true;
  }

  add(key: string): void {
    if (this.#ttlMs <= 0) return;
    this.#expiries.delete(key);
    this.#expiries.set(key, this.#now() + this.#ttlMs);
    if (this.#expiries.size <= this.#capacity) return;
    const [leastRecent] = this.#expiries.keys();
    if (leastRecent !== undefined) this.#expiries.delete(leastRecent);
  }

  clear(): void {
    this.#expiries.clear();
  }
}
