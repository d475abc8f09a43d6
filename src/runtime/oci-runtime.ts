import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { RuntimeError } from './errors.js';
import { OutputPipe } from './output-pipe.js';
import type { Surroundings } from './spec.js';
import { startFailure } from './start-failure.js';

/** The container is held back while this works. */
export type OutputListener = (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void | Promise<void>;
export type ContainerRun = Readonly<{ id: string; bundle: string; signal: AbortSignal }>;

export type RuntimeProgram = Readonly<{ program: string; kind: 'runc' | 'crun' }>;
/** `options` come before its commands: what they need where it runs. */
export type UsableRuntime = RuntimeProgram & Readonly<{ options: readonly string[] }>;

export type OciRuntimeOptions = RuntimeProgram &
  Readonly<{
    /** Where the runtime notes which containers there are. */
    stateDirectory: string;
    surroundings: Pick<Surroundings, 'cgroups' | 'userCgroup'>;
  }>;

const KILL = 'SIGKILL';
const LOOK_AGAIN_MS = 5;

/** What keeps the program from making cgroups where it may not, or has it ask the user's systemd for them. */
export function cgroupOptions(
  kind: RuntimeProgram['kind'],
  { cgroups, userCgroup }: Pick<Surroundings, 'cgroups' | 'userCgroup'>,
): readonly string[] {
  if (userCgroup !== undefined) return ['--systemd-cgroup'];
  if (cgroups !== 'none') return [];
  return [kind === 'crun' ? '--cgroup-manager=disabled' : '--rootless=true'];
}

/** runc or crun: runs a bundle to its end. */
export class OciRuntime {
  readonly #program: string;
  readonly #options: readonly string[];
  readonly #logPrefix: string;

  constructor({ program, kind, stateDirectory, surroundings }: OciRuntimeOptions) {
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    this.#program = program;
    // crun takes what stands before a colon as the kind of log.
    this.#logPrefix = kind === 'crun' ? 'file:' : '';
    const cgroups = cgroupOptions(kind, surroundings);
    this.#options = ['--root', stateDirectory, '--log-format', 'json', ...cgroups];
  }

  /**
   * Runs a container with empty input. `onOutput` is called as bytes come; the container waits while it runs.
   * @returns the exit code; 126 or 127 when the command cannot be started.
   * @throws {RuntimeError} the container cannot be made. @throws the signal's reason, when the container is gone.
   */
  async run(container: ContainerRun, onOutput: OutputListener): Promise<number> {
    using stdout = OutputPipe.open(container.bundle, 'stdout', (chunk) => onOutput('stdout', chunk));
    using stderr = OutputPipe.open(container.bundle, 'stderr', (chunk) => onOutput('stderr', chunk));
    // A group of its own: an interrupt from the terminal is for us to act on.
    const child = this.#start(container, ['ignore', stdout.writeEnd, stderr.writeEnd], { detached: true });
    const ended = endOf(child);
    stdout.closeWriteEnd();
    stderr.closeWriteEnd();
    const code = await this.#supervised(container, child, ended);
    await Promise.all([stdout.drained, stderr.drained]);
    return this.#explained(container, code);
  }

  /** Runs a container on this terminal. @returns the exit code. */
  async runOnTerminal(container: ContainerRun): Promise<number> {
    const child = this.#start(container, ['inherit', 'inherit', 'inherit'], { detached: false });
    return this.#explained(container, await this.#supervised(container, child, endOf(child)));
  }

  /** Ends a container, and whatever is left of it. */
  async remove(id: string): Promise<void> {
    const child = spawn(this.#program, [...this.#options, 'delete', '--force', id], { stdio: 'ignore' });
    await endOf(child);
  }

  #start({ id, bundle }: ContainerRun, stdio: Array<'ignore' | 'inherit' | number>, { detached = false }) {
    const own = ['--log', this.#logPrefix + join(bundle, 'log')];
    const run = ['run', '--bundle', bundle, '--pid-file', join(bundle, 'pid'), id];
    return spawn(this.#program, [...this.#options, ...own, ...run], {
      stdio,
      detached,
      env: ownEnvironment(),
    });
  }

  async #supervised({ id, bundle, signal }: ContainerRun, child: ChildProcess, ended: Promise<End>) {
    const done = new AbortController();
    const killed = killOn(signal, join(bundle, 'pid'), done.signal);
    const { code, signal: by } = await ended;
    done.abort();
    await killed;
    if (code === null) await this.remove(id);
    signal.throwIfAborted();
    if (code !== null) return code;
    throw new RuntimeError(
      `${this.#program} was ended by ${by ?? child.signalCode}, and its container with it`,
    );
  }

  #explained({ bundle }: ContainerRun, code: number): number {
    if (code === 0) return 0;
    const failures = errorsOf(join(bundle, 'log'));
    if (failures.length > 0) return startFailure(failures.join('; '));
    // The number of its first process is noted when there is a container.
    return existsSync(join(bundle, 'pid')) ? code : startFailure(`${this.#program} ended with ${code}`);
  }
}

/** Without what systemd tells services: runc would act on it. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TERM, XDG_RUNTIME_DIR } = process.env;
  return { PATH, TERM, XDG_RUNTIME_DIR };
}

type End = Readonly<{ code: number | null; signal: NodeJS.Signals | null }>;

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Kills the container's first process, and with it all others, once `signal` says so: it may not be there yet. */
async function killOn(signal: AbortSignal, pidFile: string, done: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, done]);
  if (!either.aborted)
    await new Promise((resolve) => either.addEventListener('abort', resolve, { once: true }));
  while (!done.aborted && !killListed(pidFile)) await setTimeout(LOOK_AGAIN_MS);
}

function killListed(pidFile: string): boolean {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    return pid > 1 && process.kill(pid, KILL);
  } catch {
    return false;
  }
}

/** What the runtime logged as errors: only when it, not the command, has failed. */
function errorsOf(log: string): string[] {
  return readFileSync(log, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .flatMap((line) => {
      try {
        const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
        return level === 'error' || level === 'fatal' ? [String(msg)] : [];
      } catch {
        return [];
      }
    });
}
