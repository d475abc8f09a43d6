import type { ChildProcess } from 'node:child_process';
import { READER_GONE } from '../oci/index.js';
import {
  type ContainerFolder,
  type ContainerHost,
  DETACHED,
  parseDetachKeys,
  resizeTerminal,
  startAttachBridge,
} from '../runtime/container/index.js';
import { UsageError } from './failure.js';
import { rawTerminal } from './raw-terminal.js';

const REDRAW_MS = 50;

/** What of this process's streams goes to a container and comes from it. */
export type SessionOptions = Readonly<{
  id: string;
  input: boolean;
  /** Which of its outputs are shown. */
  outputs: ReadonlySet<'stdout' | 'stderr'>;
  terminal: boolean;
  /** What runs on its terminal has drawn before, for somebody else. */
  redraws?: boolean;
  /** Signals that this process gets from now on are the container's. */
  proxiesSignals: boolean;
  detachKeys: string;
}>;

type BridgeEnd = Readonly<{ code: number; signal: NodeJS.Signals | null }>;

/** SIGCHLD and those that end or stop this process whatever it does are not handed on. */
const PROXIED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** As with docker: who says it so often means this command, and not only the container. */
const ASKING: readonly string[] = ['SIGINT', 'SIGTERM'];
const INSISTING = 3;
/** As a shell has it, of SIGINT. */
const INTERRUPTED = 130;

/** This terminal, or these streams, on a container. Opened before it starts, so that nothing it prints is lost. */
export class ContainerSession implements Disposable {
  readonly #host: ContainerHost;
  readonly #options: SessionOptions;
  readonly #resources = new DisposableStack();
  #bridge: ChildProcess | undefined;
  #hasInsisted = false;
  #hasStarted = false;
  readonly #early: NodeJS.Signals[] = [];
  #asked = 0;
  #ended: Promise<BridgeEnd> | undefined;

  constructor(host: ContainerHost, options: SessionOptions) {
    this.#host = host;
    this.#options = options;
    if (options.proxiesSignals) this.#proxySignals();
  }

  /** Resolves when it is open. */
  async open(folder: ContainerFolder): Promise<void> {
    for (;;) {
      const bridge = this.#startBridge(folder);
      this.#bridge = bridge;
      this.#ended = new Promise<BridgeEnd>((resolve, reject) => {
        bridge.once('error', reject);
        bridge.once('exit', (code, signal) => resolve({ code: code ?? 1, signal }));
      });
      const early = await Promise.race([
        new Promise<undefined>((resolve) => bridge.stdio[3]?.once('data', () => resolve(undefined))),
        this.#ended,
      ]);
      // Ctrl-c is for all on the terminal, and ends a bridge that has not begun to ignore it; nothing has come to that one yet.
      if (!PROXIED.some((signal) => signal === early?.signal)) return;
    }
  }

  #startBridge(folder: ContainerFolder): ChildProcess {
    const { input, outputs, terminal, detachKeys } = this.#options;
    const shown = (name: 'stdout' | 'stderr') => (outputs.has(name) ? 'inherit' : 'ignore');
    return startAttachBridge(folder, {
      mode: 'plain',
      input,
      detachKeys: terminal ? detachKeysOf(detachKeys) : new Uint8Array(),
      stdio: [input ? 'inherit' : 'ignore', shown('stdout'), shown('stderr'), 'pipe'],
    });
  }

  /** Once the container is made: it has the size of this terminal, and what is typed here is for it. */
  takeOver(folder: ContainerFolder): void {
    const { input, terminal } = this.#options;
    if (!terminal) return;
    if (input && process.stdin.isTTY) this.#resources.use(rawTerminal());
    if (process.stdout.isTTY) this.#lendSize(folder);
  }

  /** Once it runs: signals are for it, those too that came before. */
  hasStarted(): void {
    this.#hasStarted = true;
    for (const signal of this.#early) this.#deliver(signal);
  }

  /**
   * Waits for the container's end.
   * @returns nothing then; else the exit code for who left it as it was: 0 with the detach keys, 130 by insisting,
   * READER_GONE when nobody takes what it prints.
   */
  async left(): Promise<number | undefined> {
    const code = (await this.#ended)?.code;
    if (this.#hasInsisted) return INTERRUPTED;
    if (code === READER_GONE) return READER_GONE;
    return code === DETACHED ? 0 : undefined;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
    this.#bridge?.kill('SIGKILL');
  }

  /** Its first process may take no notice of any signal: then nobody could get away from it. */
  #leave(): void {
    if (!this.#hasStarted) process.exit(INTERRUPTED);
    this.#hasInsisted = true;
    const id = this.#options.id.slice(0, 12);
    process.stderr.write(`berth: the container goes on: \`berth stop ${id}\` ends it\n`);
    this.#bridge?.kill('SIGKILL');
  }

  #lendSize(folder: ContainerFolder): void {
    const { stdout } = process;
    const resize = () => resizeTerminal(folder, stdout.rows, stdout.columns);
    process.on('SIGWINCH', resize);
    this.#resources.defer(() => process.off('SIGWINCH', resize));
    if (this.#options.redraws !== true) {
      resize();
      return;
    }
    // A program that draws on it draws again only when the size is another one than before.
    resizeTerminal(folder, stdout.rows + 1, stdout.columns + 1);
    setTimeout(resize, REDRAW_MS).unref();
  }

  #proxySignals(): void {
    for (const signal of PROXIED) {
      const forward = () => this.#forward(signal);
      process.on(signal, forward);
      this.#resources.defer(() => process.off(signal, forward));
    }
  }

  #forward(signal: NodeJS.Signals): void {
    if (ASKING.includes(signal)) this.#asked += 1;
    if (this.#asked === INSISTING) this.#leave();
    else if (this.#hasStarted) this.#deliver(signal);
    else this.#early.push(signal);
  }

  #deliver(signal: NodeJS.Signals): void {
    void this.#host.kill(this.#options.id, signal).catch(() => {}); // it has ended meanwhile
  }
}

/** @throws {UsageError} */
export function detachKeysOf(text: string): Uint8Array {
  try {
    return parseDetachKeys(text);
  } catch (error) {
    throw new UsageError(`--detach-keys ${text}: ${(error as Error).message}`, { cause: error });
  }
}

/** `-it` is for a terminal. @throws with exit code 1 for run and exec, as docker's client has it: nothing was asked of a container. */
export function expectTerminal({
  detach,
  interactive,
  tty,
}: Readonly<{ detach?: boolean; interactive?: boolean; tty?: boolean }>): void {
  if (tty === true && interactive === true && detach !== true && !process.stdin.isTTY)
    throw new Error('the input device is not a TTY: leave out -t');
}

/** Both, where nobody chose. */
export const BOTH_OUTPUTS: SessionOptions['outputs'] = new Set(['stdout', 'stderr']);

/** `-a stdin -a stdout`: only these. @throws {UsageError} */
export function parseAttached(
  names: readonly string[],
): Readonly<{ input?: boolean; outputs?: SessionOptions['outputs'] }> {
  if (names.length === 0) return {};
  const wanted = names.map((name) => name.toLowerCase());
  const wrong = wanted.find((name) => !['stdin', 'stdout', 'stderr'].includes(name));
  if (wrong !== undefined) throw new UsageError(`--attach ${wrong}: write stdin, stdout or stderr`);
  const outputs = (['stdout', 'stderr'] as const).filter((name) => wanted.includes(name));
  return { outputs: new Set(outputs), ...(!wanted.includes('stdin') && { input: false }) };
}
