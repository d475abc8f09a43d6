import { showUnchanged } from '../linux/index.js';

/**
 * This terminal as a window on another one, until it is disposed: what is typed is for the other, ctrl-c too, and what that
 * shows is shown as it is.
 */
export function rawTerminal(): Disposable {
  process.stdin.setRawMode(true);
  showUnchanged(process.stdin.fd);
  return { [Symbol.dispose]: () => void process.stdin.setRawMode(false) };
}
