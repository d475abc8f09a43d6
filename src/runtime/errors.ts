/** A container cannot be made or started here. The message says what would help. */
export class RuntimeError extends Error {
  override readonly name: string = 'RuntimeError';
}

/** This machine lacks what containers need: a program, a privilege, a kernel feature. */
export class RuntimeUnavailableError extends RuntimeError {
  override readonly name = 'RuntimeUnavailableError';
}

/** USER names somebody whom the root filesystem does not know. */
export class UserNotFoundError extends RuntimeError {
  override readonly name = 'UserNotFoundError';
}

/** A layer did not unpack to what its diffID promises. Nothing of it is kept. */
export class LayerMismatchError extends RuntimeError {
  override readonly name = 'LayerMismatchError';
}

/** The end of `text`, as one line: what a program wrote last says why it failed. */
export function lastWords(text: string): string {
  return text
    .trim()
    .slice(-2000)
    .replace(/\s*\n\s*/g, '; ');
}
