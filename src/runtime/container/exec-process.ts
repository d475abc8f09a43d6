import type { ChildProcess, StdioOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ContainerStartError, RuntimeError } from '../errors.js';
import { startProgram } from '../programs.js';
import { startFailure } from '../start-failure.js';
import type { ContainerHost } from './container-host.js';
import { processesOf } from './container-processes.js';
import type { ContainerRecord } from './container-record.js';
import { endSession } from './exec-session.js';
import { inTerminal, LEFT_BY, type TerminalSize } from './exec-terminal.js';
import { descendantsOf, kill } from './process-tree.js';

const LOOK_AGAIN_MS = 5;
/** What takes longer to be started waits for something that the container has put in the way of it. */
const LONGEST_START_MS = 120_000;
/** For one that is about to be started when it is ended. */
const GRACE_MS = 2000;

/** What of a further process is not said by runtime-spec config.md, "process". */
export type ProcessOptions = Readonly<{
  stdio: StdioOptions;
  /** One of its own, on these streams; fd 3 takes lines of rows and columns. */
  terminal?: TerminalSize;
  /** Bytes typed on it that leave the process alone. */
  detachKeys?: Uint8Array;
  /** Nobody waits for its end; nothing of its streams is kept. */
  detached?: boolean;
  /** For who wants its pipes. */
  onSpawned?: (child: ChildProcess) => void;
  /** Where its process on this machine is noted while it runs. */
  pidFile?: string;
  /** Ends it with all that it has started. */
  signal?: AbortSignal;
}>;

/**
 * Has the runtime run a further process in a container, to its end.
 * @param spec runtime-spec config.md, "process". @returns its exit code; none when it was left alone.
 * @throws {ContainerStartError} the process cannot be started. @throws the signal's reason.
 */
export async function runProcess(
  host: ContainerHost,
  record: ContainerRecord,
  spec: object,
  options: ProcessOptions,
): Promise<number | undefined> {
  const { id } = record;
  const control = await host.control();
  const folder = host.folder(id).path;
  using file = openNameless(folder);
  using log = openNameless(folder);
  writeSync(file.fd, JSON.stringify(spec));
  const streams = streamsOf(options.stdio);
  const stdio = [...streams, file.fd, log.fd];
  const [fileThere, logThere] = [streams.length, streams.length + 1].map((fd) => `/proc/self/fd/${fd}`);
  const name = `exec-${randomBytes(6).toString('hex')}`;
  const pidFile = options.pidFile ?? join(folder, `${name}.pid`);
  const socket = `${name}.socket`; // the whole path may be too long for one
  try {
    const exec = (flags: readonly string[]) => {
      const all = ['--process', `${fileThere}`, '--pid-file', pidFile, ...flags];
      return withLog(control.execCommand(id, all), `${logThere}`);
    };
    let child: ChildProcess | undefined;
    const command =
      options.terminal === undefined
        ? exec(options.detached ? ['--detach'] : [])
        : inTerminal(exec, { socket, pidFile }, options.detachKeys ?? new Uint8Array());
    const ended = runToEnd(command, folder, {
      ...options,
      stdio,
      onSpawned: (spawned) => {
        child = spawned;
        options.onSpawned?.(spawned);
      },
    });
    using late = lateness(() => pidIn(pidFile) === undefined);
    const signal = AbortSignal.any([late.signal, ...(options.signal ? [options.signal] : [])]);
    const code = await endedBy(signal, ended, async (over) => {
      await endLeader(pidFile, over, () => processesOf(record, control));
      const pid = child?.pid;
      for (const each of pid === undefined ? [] : [...descendantsOf(pid), pid]) kill(each); // it may wait for what is frozen
    });
    if (code !== 0 && code !== undefined) {
      const text = readFileSync(`/proc/self/fd/${log.fd}`, 'utf8');
      throwIfNotStarted(text, code, { isSaid: control.tellsItself });
    }
    return code;
  } finally {
    rmSync(pidFile, { force: true });
    rmSync(join(folder, socket), { force: true });
  }
}

/** A file without a name: the environment in it may hold secrets, and nothing of it is left when we are killed. */
function openNameless(folder: string): Disposable & Readonly<{ fd: number }> {
  const path = join(folder, `exec-${randomBytes(6).toString('hex')}`);
  const fd = openSync(path, 'wx+', 0o600);
  rmSync(path);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function streamsOf(stdio: StdioOptions) {
  return typeof stdio === 'string' ? [stdio, stdio, stdio] : stdio;
}

/** @param end called when the signal says so, with one that says that it has ended. @throws the signal's reason. */
async function endedBy(
  signal: AbortSignal,
  ended: Promise<number | undefined>,
  end: (over: AbortSignal) => Promise<void>,
): Promise<number | undefined> {
  const over = new AbortController();
  let killed: Promise<void> | undefined;
  const onAbort = () => {
    killed = end(over.signal);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await ended;
  } finally {
    over.abort();
    signal.removeEventListener('abort', onAbort);
    await killed;
    signal.throwIfAborted();
  }
}

/** Says when it is too late for what has not begun by then. */
function lateness(isMissing: () => boolean): Disposable & Readonly<{ signal: AbortSignal }> {
  const late = new AbortController();
  const timer = globalThis.setTimeout(() => {
    if (isMissing())
      late.abort(new RuntimeError(`the process was not started in ${LONGEST_START_MS / 1000} seconds`));
  }, LONGEST_START_MS);
  return { signal: late.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Its process may not be there yet, and is not when it has ended. */
async function endLeader(
  pidFile: string,
  over: AbortSignal,
  listed: () => Promise<readonly number[]>,
): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  for (;;) {
    const leader = pidIn(pidFile);
    if (leader !== undefined) return endSession(leader, listed);
    if (over.aborted || performance.now() > deadline) return;
    await setTimeout(LOOK_AGAIN_MS);
  }
}

function pidIn(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The log is an option of the program, not of its exec. */
function withLog([program = '', ...args]: readonly string[], log: string): string[] {
  return [program, '--log', log, '--log-format', 'json', ...args];
}

function runToEnd(
  [program = '', ...args]: readonly string[],
  cwd: string,
  { stdio, detachKeys, onSpawned }: ProcessOptions,
): Promise<number | undefined> {
  const child = startProgram(program, args, { cwd, stdio });
  onSpawned?.(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code !== null || (signal === LEFT_BY && detachKeys !== undefined)) resolve(code ?? undefined);
      else reject(new RuntimeError(`${program} was ended by ${signal}`));
    });
  });
}

/** @throws {ContainerStartError} when it was the runtime that failed. */
function throwIfNotStarted(log: string, code: number, told: Readonly<{ isSaid: boolean }>): void {
  const messages = log
    .split('\n')
    .flatMap((line) => (line.includes('"level":"error"') ? [(JSON.parse(line) as { msg: string }).msg] : []));
  const message = messages.join('; ');
  if (message !== '') throw new ContainerStartError(message, exitCodeOf(message, code), told);
}

/** @param code of the runtime, where it is not the command that is at fault. */
function exitCodeOf(message: string, code: number): number {
  try {
    return startFailure(message);
  } catch {
    return code;
  }
}
