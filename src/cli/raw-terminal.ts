import { spawnSync } from 'node:child_process';

/**
 * This terminal as a window on another one, until it is disposed: what is typed is for the other, ctrl-c too, and what that
 * shows is shown as it is. Node's raw mode would still put a carriage return before each line feed.
 */
export function rawTerminal(): Disposable {
  process.stdin.setRawMode(true);
  spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  return { [Symbol.dispose]: () => void process.stdin.setRawMode(false) };
}
