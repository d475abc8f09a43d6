import { RuntimeError } from './errors.js';

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/**
 * What runc and crun say when the command itself is at fault, as opposed to the container. Both are tried on messages
 * like `exec: "foo": executable file not found in $PATH` and `open executable: Permission denied`.
 */
const COMMAND_AT_FAULT = /\bexec(?:utable)?\b/i;
/** A working directory that is not there: to a shell, no missing command. */
const DIRECTORY_AT_FAULT = /chdir to cwd/i;
const CONTAINER_AT_FAULT = /error mounting|during container init: (?!exec)|rootfs/i;

/**
 * @param message of a runtime that could not start a container's command. @returns the exit code that a shell would
 * have. @throws {RuntimeError} the container could not be made at all.
 */
export function startFailure(message: string): number {
  if (COMMAND_AT_FAULT.test(message) && !CONTAINER_AT_FAULT.test(message)) {
    if (DIRECTORY_AT_FAULT.test(message)) return NOT_EXECUTABLE;
    if (/not found|no such file/i.test(message)) return NOT_FOUND;
    if (/permission denied|not permitted|format error|is a directory/i.test(message)) return NOT_EXECUTABLE;
  }
  throw new RuntimeError(`cannot start a container: ${message}`);
}
