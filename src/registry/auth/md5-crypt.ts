import { hash } from 'node:crypto';
import { breather } from './breather.js';
import { cryptBase64, repeated } from './crypt-base64.js';

const ROUNDS = 1000;
/** Groups of three as `cryptBase64` wants them, and one byte left over. */
const ORDER = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5, 11];

/**
 * The MD5 crypt of FreeBSD (`$1$`) and of Apache's htpasswd (`$apr1$`), which differ in nothing but their name.
 * @returns the last part of the hash text, behind the salt.
 */
export async function md5Crypt(
  password: Buffer,
  { magic, salt }: { magic: '$1$' | '$apr1$'; salt: string },
): Promise<string> {
  const saltBytes = Buffer.from(salt);
  let digest = md5([
    password,
    Buffer.from(magic),
    saltBytes,
    repeated(md5([password, saltBytes, password]), password.length),
    lengthBits(password),
  ]);
  const breathe = breather();
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 64 === 0) await breathe();
    digest = md5([
      round % 2 ? password : digest,
      round % 3 ? saltBytes : NOTHING,
      round % 7 ? password : NOTHING,
      round % 2 ? digest : password,
    ]);
  }
  return cryptBase64(digest, ORDER);
}

const NOTHING = Buffer.alloc(0);

function md5(parts: readonly Buffer[]): Buffer {
  return hash('md5', Buffer.concat(parts), 'buffer');
}

/** A NUL for each bit of the length that is set, else the password's first byte: an accident that became the format. */
function lengthBits(password: Buffer): Buffer {
  const bits: number[] = [];
  for (let length = password.length; length > 0; length >>= 1) bits.push(length & 1 ? 0 : (password[0] ?? 0));
  return Buffer.from(bits);
}
