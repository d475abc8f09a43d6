import { hash } from 'node:crypto';
import { breather } from './breather.js';
import { cryptBase64, repeated } from './crypt-base64.js';

export type ShaCryptAlgorithm = 'sha256' | 'sha512';

export const DEFAULT_ROUNDS = 5000;

/**
 * `$5$` and `$6$` of crypt(3).
 * @returns the last part of the hash text, behind the salt.
 * @see Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", whose steps are numbered below
 */
export async function shaCrypt(
  password: Buffer,
  { algorithm, salt, rounds }: { algorithm: ShaCryptAlgorithm; salt: string; rounds: number },
): Promise<string> {
  const sha = (parts: readonly Buffer[]) => hash(algorithm, Buffer.concat(parts), 'buffer');
  const saltBytes = Buffer.from(salt);
  const b = sha([password, saltBytes, password]); // 4–8
  let digest = sha([password, saltBytes, repeated(b, password.length), ...lengthParts(password, b)]); // 1–3, 9–12
  const dp = sha([repeated(password, password.length * password.length)]); // 13–15
  const p = repeated(dp, password.length); // 16
  const ds = sha([repeated(saltBytes, saltBytes.length * (16 + (digest[0] ?? 0)))]); // 17–19
  const s = repeated(ds, saltBytes.length); // 20
  const breathe = breather();
  for (let round = 0; round < rounds; round++) {
    if (round % 64 === 0) await breathe();
    const odd = round % 2 === 1;
    digest = sha([odd ? p : digest, round % 3 ? s : NOTHING, round % 7 ? p : NOTHING, odd ? digest : p]); // 21
  }
  return cryptBase64(digest, ORDERS[algorithm]); // 22
}

const NOTHING = Buffer.alloc(0);

/** Step 11: for each bit of the length, lowest first, the digest where it is set and the password where it is not. */
function lengthParts(password: Buffer, digest: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let length = password.length; length > 0; length >>= 1) parts.push(length & 1 ? digest : password);
  return parts;
}

/** Step 22: groups of three bytes a third of the digest apart, turned by one place from each group to the next. */
const ORDERS: Readonly<Record<ShaCryptAlgorithm, readonly number[]>> = {
  sha256: [...turned(10, [0, 10, 20], 2), 31, 30],
  sha512: [...turned(21, [0, 21, 42], 1), 63],
};

function turned(groups: number, start: readonly number[], by: number): number[] {
  return Array.from({ length: groups }, (_, i) =>
    start.map((_, k) => (start[(k + i * by) % 3] ?? 0) + i),
  ).flat();
}
