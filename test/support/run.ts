import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export type RunOptions = Readonly<{
  /** Goes to standard input, which is empty otherwise. */
  input?: string | Uint8Array;
  cwd?: string;
  /** Instead of the environment of the tests; see {@link cleanEnvironment}. */
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}>;

/** A command to put before another one, such as `nsenter --net=...`. */
export type CommandPrefix = readonly string[];

/** A program ended badly, or could not be started. The message has the end of its stderr. */
export class RunError extends Error {
  override readonly name = 'RunError';
  /** `undefined` for a program that a signal ended. */
  readonly code: number | undefined;
  readonly stderr: string;
  readonly stdout: string;
  constructor(
    command: readonly string[],
    code: number | undefined,
    { stdout, stderr }: Readonly<{ stdout: string; stderr: string }>,
  ) {
    const outcome = code === undefined ? 'was killed' : `ended with ${code}`;
    super(`${command.join(' ')} ${outcome}: ${stderr.trim().slice(-2000)}`);
    this.code = code;
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** Runs a program to its end. @returns what it printed. @throws {RunError} */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input = '', cwd, env = cleanEnvironment(), timeoutMs = 120_000 } = options;
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, env, timeout: timeoutMs, killSignal: 'SIGKILL' });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, program)));
    child.once('close', resolve);
  });
  child.stdin.on('error', () => {}); // a program need not read what it is given
  child.stdin.end(input);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code !== 0) throw new RunError(command, code ?? undefined, { stdout, stderr: stderr || stdout });
  return stdout;
}

/** The environment of the tests without what would configure a registry or choose another daemon. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(REGISTRY|DOCKER|CONTAINER|BUILDAH|OTEL)_|^NODE_OPTIONS$|_proxy$/i.test(name),
  );
  return { ...Object.fromEntries(own), ...extra };
}

/** Programs come from Debian packages, which the test command installs. */
export function explained(error: NodeJS.ErrnoException, program: string): Error {
  if (error.code !== 'ENOENT') return error;
  return new Error(`cannot start ${program}: no such program; node .ci/packages.mjs installs it`, {
    cause: error,
  });
}
