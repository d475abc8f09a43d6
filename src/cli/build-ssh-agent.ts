import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BuildError } from '../builder/index.js';

/** A private key as its file has it, and what to call it in messages. */
export type KeyFile = Readonly<{ path: string; content: Buffer }>;

/**
 * Tells who the agent is, and takes it away once nobody holds the other end of the pipe any more; also where that is so before
 * anybody was told.
 */
const WAIT = 'trap "" PIPE; echo "$SSH_AGENT_PID"; cat; kill "$SSH_AGENT_PID"; rm -rf "$0"';
/** So much of what a program says is worth repeating. */
const MAX_MESSAGE = 1000;

/**
 * OpenSSH's own agent with some keys, for one build. It ends with this process, however that ends: it serves a command
 * that only waits for our end of a pipe.
 */
export class SshAgent implements Disposable {
  readonly socket: string;
  readonly #folder: string;
  readonly #waiting: ChildProcess;
  #pid: number | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.socket = join(folder, 'agent');
    this.#waiting = spawn('ssh-agent', ['-a', this.socket, 'sh', '-c', WAIT, folder], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true, // Ctrl-C is for this process
    });
  }

  /** @throws {BuildError} there is no ssh-agent, or a file is no key that it can use. */
  static async start(keys: readonly KeyFile[]): Promise<SshAgent> {
    // Names of sockets are short, so it is not below the store.
    const agent = new SshAgent(mkdtempSync(join(tmpdir(), 'berth-agent-')));
    try {
      await agent.#ready();
      for (const key of keys) await agent.#add(key);
      return agent;
    } catch (error) {
      agent[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#pid !== undefined) process.kill(this.#pid);
    this.#pid = undefined;
    this.#waiting.stdin?.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    const child = this.#waiting;
    child.stdin?.on('error', () => {}); // it has ended, and is asked no more
    const started =
      child.stdout === null ? Promise.reject(new Error('no output')) : once(child.stdout, 'data');
    const ended = once(child, 'close').then(([code]) => {
      throw new BuildError(`ssh-agent has ended with ${code}`);
    });
    const failed = once(child, 'error').then(([error]) => {
      throw missing(error);
    });
    // Only the first of them counts.
    for (const promise of [started, ended, failed]) promise.catch(() => {});
    const [text]: unknown[] = await Promise.race([started, ended, failed]);
    this.#pid = Number.parseInt(String(text), 10);
  }

  /** Keys go through a pipe, so it does not matter who may read their files. */
  async #add({ path, content }: KeyFile): Promise<void> {
    const env = { ...process.env, SSH_AUTH_SOCK: this.socket, SSH_ASKPASS_REQUIRE: 'never', LC_ALL: 'C' };
    const child = spawn('ssh-add', ['-q', '-'], { env, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    let message = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      message = (message + text).slice(-MAX_MESSAGE);
    });
    child.stdin.on('error', () => {}); // the exit code says more
    child.stdin.end(content);
    const [code] = await Promise.race([
      once(child, 'close'),
      once(child, 'error').then(([error]) => {
        throw missing(error);
      }),
    ]);
    if (code === 0) return;
    const needsPassphrase = /passphrase/i.test(message);
    const reason = needsPassphrase
      ? 'it is protected by a passphrase: load it into an agent with ssh-add'
      : message.trim().replaceAll('\n', '; ');
    throw new BuildError(`cannot use the key ${path}: ${reason}`);
  }
}

function missing(error: unknown): Error {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error as Error;
  return new BuildError('--ssh with keys needs ssh-agent and ssh-add, of the package openssh-client', {
    cause: error,
  });
}
