import { constants } from 'node:os';
import { attempt, call, cString, LinuxError, type Path } from './libc.js';

const GET = 'long lgetxattr(const void *path, const void *name, void *value, size_t size)';
const SET = 'int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)';
const LIST = 'long llistxattr(const void *path, void *list, size_t size)';
const REMOVE = 'int lremovexattr(const void *path, const void *name)';

const { ENODATA, ENOTSUP } = constants.errno;

/** What a value may hold, by VFS: XATTR_SIZE_MAX. */
const MAX_VALUE_BYTES = 65_536;

/** The value of an extended attribute of `path` itself, links not followed; `undefined` where there is none. */
export function lgetxattr(path: Path, name: string): Buffer | undefined {
  const [cPath, cName] = [cString(path), cString(name)];
  const value = reading((buffer) => attempt(GET, [cPath, cName, buffer, buffer.length]));
  if (typeof value !== 'number') return value;
  if (value === ENODATA || value === ENOTSUP) return undefined;
  throw new LinuxError('lgetxattr', `${JSON.stringify(String(path))} (${name})`, value);
}

/** Sorted names of the extended attributes that this process may see; none where the filesystem has none. */
export function llistxattr(path: Path): string[] {
  const cPath = cString(path);
  const list = reading((buffer) => attempt(LIST, [cPath, buffer, buffer.length]));
  if (typeof list !== 'number') {
    return list.length === 0
      ? []
      : list
          .toString('utf8', 0, list.length - 1)
          .split('\0')
          .sort();
  }
  if (list === ENOTSUP) return [];
  throw new LinuxError('llistxattr', JSON.stringify(String(path)), list);
}

export function lsetxattr(path: Path, name: string, value: Uint8Array): void {
  call(SET, path, [cString(path), cString(name), value, value.byteLength, 0]);
}

/** Does nothing where there is no such attribute. */
export function lremovexattr(path: Path, name: string): void {
  const result = attempt(REMOVE, [cString(path), cString(name)]);
  if (result < 0 && result !== -ENODATA) {
    throw new LinuxError('lremovexattr', JSON.stringify(String(path)), -result);
  }
}

let scratch: Buffer | undefined;

/**
 * Reads what fits into the largest value that there may be. @returns a copy of what was read, or an errno. There is
 * nearly always nothing, and a buffer for each of many thousand files is work for the collector.
 */
function reading(read: (buffer: Buffer) => number): Buffer | number {
  scratch ??= Buffer.allocUnsafeSlow(MAX_VALUE_BYTES);
  const result = read(scratch);
  return result >= 0 ? Buffer.from(scratch.subarray(0, result)) : -result;
}
