import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { BuildError } from '../errors.js';

/** Of a Dockerfile or an ignore file. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

export type TextFileOptions = Readonly<{
  /** A directory that a symbolic link must not lead out of: strangers may have written it. */
  within?: string;
  /** What to do where one does. */
  advice?: string;
  /** Also what is no plain file, such as a pipe that somebody names. */
  any?: boolean;
}>;

/** Reads a file that is for people. @param file a path, or an open file. @throws {BuildError} it is none. */
export function readTextFile(
  file: string | number,
  { within, advice = '', any = false }: TextFileOptions = {},
): string {
  if (typeof file === 'number') return readAll(file, 'standard input');
  if (within !== undefined) expectWithin(file, within, advice);
  // A pipe that nobody writes to would be waited for, and not even a signal could end that.
  const fd = openSync(file, constants.O_RDONLY | (any ? 0 : constants.O_NONBLOCK));
  try {
    if (!any && !fstatSync(fd).isFile()) throw new BuildError(`${file} is not a file`);
    return readAll(fd, file);
  } finally {
    closeSync(fd);
  }
}

function expectWithin(file: string, directory: string, advice: string): void {
  const [real, root] = [realpathSync(file), realpathSync(directory)];
  if (real.startsWith(`${root}/`)) return;
  throw new BuildError(
    `${file.slice(directory.length + 1)} is a link that leads out of the context${advice && `: ${advice}`}`,
  );
}

function readAll(fd: number, name: string): string {
  const chunks: Buffer[] = [];
  let size = 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const bytes = readSync(fd, chunk);
    if (bytes === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(chunk.subarray(0, bytes));
    size += bytes;
    if (size > MAX_TEXT_BYTES) throw new BuildError(`${name} has more than ${MAX_TEXT_BYTES} bytes`);
  }
}
