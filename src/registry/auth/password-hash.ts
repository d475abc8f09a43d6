import { hash as digest, timingSafeEqual } from 'node:crypto';
import { crypt } from '../../linux/index.js';
import { md5Crypt } from './md5-crypt.js';
import { DEFAULT_ROUNDS, type ShaCryptAlgorithm, shaCrypt } from './sha-crypt.js';

/** A stored password of an htpasswd file, in one of the forms that can be checked. `text` is as it was stored. */
export type PasswordHash = Readonly<
  { text: string } & (
    | { scheme: 'bcrypt' }
    | { scheme: 'sha' }
    | { scheme: 'md5-crypt'; magic: '$1$' | '$apr1$'; salt: string }
    | { scheme: 'system' }
    | { scheme: 'sha-crypt'; algorithm: ShaCryptAlgorithm; salt: string; rounds: number }
  )
>;

/** What bcrypt looks at. Longer passwords are refused where they are set, and cut there where they are checked. */
export const MAX_BCRYPT_BYTES = 72;
/** Keeps what an attacker can make the slow hashes of our own read within bounds. */
const MAX_CRYPT_BYTES = 1024;

const BCRYPT = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;
const MD5_CRYPT = /^(\$1\$|\$apr1\$)([^$:]{0,8})\$[./A-Za-z0-9]{22}$/;
const SHA_CRYPT = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:]{0,16})\$([./A-Za-z0-9]+)$/;
const SHA = /^\{SHA\}[A-Za-z0-9+/]{27}=$/;
/** What the system's crypt(3) is asked about: yescrypt, with and without GOST, scrypt, and DES of 8 characters. */
const SYSTEM_CRYPT =
  /^(\$g?y\$[./\w]+\$[./\w]{1,86}\$[./\w]{43}|\$7\$[./\w]{12,86}\$[./\w]{43}|[./A-Za-z0-9]{13})$/;

/** @throws {Error} a form that is unsafe or unknown. The message holds nothing of the text: it may be a password. */
export function parsePasswordHash(text: string): PasswordHash {
  if (BCRYPT.test(text)) return { scheme: 'bcrypt', text };
  if (SHA.test(text)) return { scheme: 'sha', text };
  const [, magic, md5Salt = ''] = MD5_CRYPT.exec(text) ?? [];
  if (magic === '$1$' || magic === '$apr1$') return { scheme: 'md5-crypt', text, magic, salt: md5Salt };
  const [, kind, rounds = `${DEFAULT_ROUNDS}`, salt = '', encoded = ''] = SHA_CRYPT.exec(text) ?? [];
  if (encoded.length === (kind === '5' ? 43 : 86)) {
    const algorithm = kind === '5' ? 'sha256' : 'sha512';
    return { scheme: 'sha-crypt', text, algorithm, salt, rounds: Math.max(1000, Number(rounds)) };
  }
  if (SYSTEM_CRYPT.test(text)) return { scheme: 'system', text };
  const remedy = 'set the password anew with berth user passwd';
  if (/^\$|^\{/.test(text)) throw new Error(`this kind of password hash is unknown or incomplete; ${remedy}`);
  throw new Error(`a password that is not hashed is refused; ${remedy}`);
}

/** Takes as long for a wrong password as for the right one, without holding up the event loop. */
export async function matches(password: Buffer, stored: PasswordHash): Promise<boolean> {
  if (stored.scheme === 'bcrypt') {
    const { verify } = await import('@node-rs/bcrypt'); // native: loaded only where passwords are checked
    return verify(password.subarray(0, MAX_BCRYPT_BYTES), stored.text);
  }
  const fits = password.length <= MAX_CRYPT_BYTES;
  const encoded = await encode(fits ? password : Buffer.alloc(0), stored);
  return encoded !== '' && equal(encoded, stored.text.slice(-encoded.length)) && fits;
}

function encode(
  password: Buffer,
  stored: Exclude<PasswordHash, { scheme: 'bcrypt' }>,
): string | Promise<string> {
  switch (stored.scheme) {
    case 'sha':
      return digest('sha1', password, 'base64');
    case 'md5-crypt':
      return md5Crypt(password, stored);
    case 'sha-crypt':
      return shaCrypt(password, stored);
    case 'system':
      return systemCrypt(password, stored.text);
  }
}

/** No password with a zero byte can have been hashed so. */
async function systemCrypt(password: Buffer, text: string): Promise<string> {
  return (password.includes(0) ? undefined : await crypt(password, text)) ?? '';
}

function equal(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

/**
 * @param cost each step more takes twice the time; 4 to 31.
 * @returns bcrypt, under the name `$2y$` that Apache and nginx take too.
 * @throws {RangeError} a password that bcrypt would cut.
 */
export async function hashPassword(password: string, cost: number): Promise<string> {
  if (Buffer.byteLength(password) > MAX_BCRYPT_BYTES) {
    throw new RangeError(`a password has at most ${MAX_BCRYPT_BYTES} bytes`);
  }
  const { hash } = await import('@node-rs/bcrypt');
  return (await hash(password, cost)).replace(/^\$2b\$/, '$2y$');
}
