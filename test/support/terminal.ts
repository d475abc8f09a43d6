import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanEnvironment, run } from './run.js';

export type TerminalOptions = Readonly<{ columns: number; rows: number; env?: NodeJS.ProcessEnv }>;

/** A terminal that programs draw on and people type into: tmux, on a server of its own. */
export class Terminal implements AsyncDisposable {
  readonly #socket = `berth-test-${randomBytes(4).toString('hex')}`;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(env: NodeJS.ProcessEnv) {
    this.#env = { ...env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' };
  }

  /** Runs a command in it; afterwards the screen stays, and says `ended with <code>`. */
  static async start(command: string, options: TerminalOptions): Promise<Terminal> {
    const { columns, rows, env = cleanEnvironment() } = options;
    const terminal = new Terminal(env);
    const script = `trap : INT; ${command}; echo "ended with $?"; sleep 1000`;
    const size = ['-x', String(columns), '-y', String(rows)];
    await terminal.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, 'sh', '-c', script);
    return terminal;
  }

  /** What is to be seen now, line by line. */
  async screen(): Promise<string[]> {
    return (await this.#tmux('capture-pane', '-p')).trimEnd().split('\n');
  }

  /** All of it, with what has scrolled out of sight; lines that were wrapped are whole. */
  async everything(): Promise<string[]> {
    return (await this.#tmux('capture-pane', '-p', '-J', '-S', '-')).trimEnd().split('\n');
  }

  /** Types text, and presses a key after it. */
  async type(text: string, key = 'Enter'): Promise<void> {
    await this.#tmux('send-keys', '-l', '--', text);
    await this.#tmux('send-keys', key);
  }

  /** Presses Control and C. */
  async interrupt(): Promise<void> {
    await this.press('C-c');
  }

  /** Presses a key, by tmux's name of it. */
  async press(key: string): Promise<void> {
    await this.#tmux('send-keys', key);
  }

  /** @throws {Error} with the screen, when it does not come to show this. */
  async until(pattern: RegExp, timeoutMs = 60_000): Promise<string[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const lines = await this.everything();
      if (lines.some((line) => pattern.test(line))) return lines;
      if (performance.now() > deadline) throw new Error(`no ${pattern} in:\n${lines.join('\n')}`);
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server').catch(() => {});
  }

  #tmux(...args: readonly string[]): Promise<string> {
    return run(['tmux', '-u', '-L', this.#socket, ...args], { env: this.#env });
  }
}
