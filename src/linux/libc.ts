import { createRequire } from 'node:module';
import { constants } from 'node:os';

/** Text is taken as UTF-8; bytes name files whose names are not. */
export type Path = string | Buffer;

/** A system call failed. `code` is the name of its errno, as in Node's own errors: `ENODATA`, `EPERM`. */
export class LinuxError extends Error {
  override readonly name = 'LinuxError';
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, subject: string, errno: number) {
    const code = NAMES.get(errno) ?? `E${errno}`;
    super(`${syscall} failed on ${subject}: ${code}${HINTS[code] ?? ''}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** The C library could not be reached: nothing of this folder works in this process. */
class LinuxUnavailableError extends Error {
  override readonly name = 'LinuxUnavailableError';

  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    super(
      `cannot call Linux directly, because the package koffi does not load here (${process.platform} ` +
        `${process.arch}: ${reason}); extended attributes, device nodes and mounts need it: install Berth with its ` +
        'optional packages',
      { cause },
    );
  }
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .filter(([name]) => name !== 'EWOULDBLOCK' && name !== 'EOPNOTSUPP') // second names of EAGAIN and ENOTSUP
    .map(([name, value]) => [value, name]),
);

const HINTS: Readonly<Record<string, string>> = {
  EPERM: ' (it needs a privilege that this process does not have)',
  ENOTSUP: ' (the filesystem does not support it)',
  ENODEV: ' (the kernel does not know this kind of filesystem)',
};

type Argument = Path | Uint8Array | number | null;
type NativeFunction = (...args: readonly Argument[]) => number;
type Native = Readonly<{ find: (prototype: string) => NativeFunction; errno: () => number }>;

// One C library for a process: found when first needed, since loading koffi takes 10 ms and most commands go without.
let native: Native | LinuxUnavailableError | undefined;
const functions = new Map<string, NativeFunction>();

/** Whether this folder works in this process. Loads the library. */
export function canCallLinux(): boolean {
  native ??= load();
  return !(native instanceof LinuxUnavailableError);
}

/**
 * Calls a function of the C library.
 * @param prototype in C. Paths and data are `const void *`, and {@link cString} makes them.
 * @param subject what the call is about, for the message of a failure.
 * @returns what the function returns, never negative.
 * @throws {LinuxError} it returned a negative number. @throws {LinuxUnavailableError}
 */
export function call(prototype: string, subject: Path, args: readonly Argument[]): number {
  const result = find(prototype)(...args);
  if (result >= 0) return result;
  throw new LinuxError(nameOf(prototype), JSON.stringify(String(subject)), library().errno());
}

/** As {@link call}, but a failure is the negated errno: for failures that are ordinary answers. */
export function attempt(prototype: string, args: readonly Argument[]): number {
  const result = find(prototype)(...args);
  return result >= 0 ? result : -library().errno();
}

/** Bytes with the zero that ends them in C. @throws {TypeError} they contain one. */
export function cString(text: Path): Buffer {
  const bytes = typeof text === 'string' ? Buffer.from(`${text}\0`) : Buffer.concat([text, Buffer.of(0)]);
  if (bytes.indexOf(0) !== bytes.length - 1) throw new TypeError('a name must not contain a zero byte');
  return bytes;
}

/** Whether the C library has it. */
export function hasFunction(prototype: string): boolean {
  try {
    find(prototype);
    return true;
  } catch (error) {
    if (error instanceof LinuxUnavailableError) throw error;
    return false;
  }
}

function find(prototype: string): NativeFunction {
  const known = functions.get(prototype);
  if (known) return known;
  const found = library().find(prototype);
  functions.set(prototype, found);
  return found;
}

function library(): Native {
  native ??= load();
  if (native instanceof LinuxUnavailableError) throw native;
  return native;
}

/** @throws what keeps it from loading here. */
export function loadKoffi(): typeof import('koffi') {
  return createRequire(import.meta.url)('koffi');
}

function load(): Native | LinuxUnavailableError {
  try {
    if (process.platform !== 'linux') throw new Error('not Linux');
    const koffi = loadKoffi();
    const libc = koffi.load(null); // Node itself is linked with it, be it glibc or musl
    return { find: (prototype) => libc.func(prototype) as NativeFunction, errno: () => koffi.errno() };
  } catch (error) {
    return new LinuxUnavailableError(error);
  }
}

function nameOf(prototype: string): string {
  return /(\w+)\(/.exec(prototype)?.[1] ?? prototype;
}
