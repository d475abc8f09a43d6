import { promisify } from 'node:util';
import { cString, loadKoffi } from './libc.js';

/** More than any C library's `struct crypt_data`. */
const WORK_BYTES = 256 * 1024;

type CryptFunction = (phrase: Buffer, setting: Buffer, work: Buffer) => Promise<string | null>;

let found: CryptFunction | undefined;

/**
 * Hashes a password as crypt(3) of the system does, in a thread.
 * @param setting how, as it begins a stored hash; the whole of one will do.
 * @returns `undefined` when the system does not know how.
 * @throws {TypeError} the password has a zero byte. @throws {Error} there is no libcrypt.
 */
export async function crypt(phrase: Buffer, setting: string): Promise<string | undefined> {
  found ??= find();
  const text = await found(cString(phrase), cString(setting), Buffer.alloc(WORK_BYTES));
  return text === null || text.startsWith('*') ? undefined : text;
}

function find(): CryptFunction {
  const koffi = loadKoffi();
  const prototype = 'str crypt_r(const void *phrase, const void *setting, void *data)';
  const failures: unknown[] = [];
  for (const library of ['libcrypt.so.1', 'libcrypt.so.2', null]) {
    try {
      return promisify(koffi.load(library).func(prototype).async) as CryptFunction; // null: musl has it in its libc
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(
    failures,
    'there is no libcrypt here to check this password hash with; install libcrypt1',
  );
}
