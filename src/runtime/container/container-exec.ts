import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownCapabilities } from '../capabilities.js';
import { ContainerStartError, ContainerStateError, RuntimeError } from '../errors.js';
import { startFailure } from '../start-failure.js';
import { processUser } from './container-bundle.js';
import type { ContainerHost } from './container-host.js';

/** Another process in a container: Engine API, POST /containers/(id)/exec. */
export type ExecOptions = Readonly<{
  args: readonly string[];
  /** On top of the container's. */
  env: readonly string[];
  /** The container's if it is ''. */
  user: string;
  cwd: string;
  terminal: boolean;
  privileged: boolean;
  stdio: StdioOptions;
  /** For who wants its pipes. */
  onSpawned?: (child: ChildProcess) => void;
}>;

type BundleProcess = Readonly<{
  env: readonly string[];
  cwd: string;
  capabilities: object;
  [name: string]: unknown;
}>;

/**
 * Runs another process in a container, on these streams, to its end.
 * @returns its exit code. @throws {ContainerStateError} the container does not run, or is paused.
 * @throws {ContainerStartError} the process cannot be started.
 */
export async function execInContainer(
  host: ContainerHost,
  text: string,
  options: ExecOptions,
): Promise<number> {
  const record = await host.running(text);
  if (record.state.status === 'paused') {
    throw new ContainerStateError(`Container ${record.id} is paused, unpause the container before exec`);
  }
  const { process: first } = JSON.parse(readFileSync(host.folder(record.id).file('config.json'), 'utf8')) as {
    process: BundleProcess;
  };
  const user = processUser(options.user || record.config.User || '', [], `/proc/${record.state.pid}/root`);
  const spec = {
    ...first,
    args: options.args,
    env: environmentOf(first.env, options, user.home),
    cwd: options.cwd || first.cwd,
    terminal: options.terminal,
    ...(options.privileged && { capabilities: allCapabilities() }),
    user: { uid: user.uid, gid: user.gid, ...(user.groups.length > 0 && { additionalGids: user.groups }) },
  };
  // Its environment may hold secrets: it is gone when the process is.
  const folder = mkdtempSync(join(tmpdir(), 'berth-exec-'));
  try {
    const [file, log] = [join(folder, 'process.json'), join(folder, 'log')];
    writeFileSync(file, JSON.stringify(spec), { mode: 0o600 });
    const command = (await host.control()).execCommand(record.id, [
      '--process',
      file,
      '--pid-file',
      join(folder, 'pid'),
    ]);
    const code = await runToEnd(withLog(command, log), options);
    if (code !== 0) throwIfNotStarted(log, code);
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function allCapabilities() {
  const all = [...ownCapabilities()];
  return { bounding: all, effective: all, permitted: all };
}

function environmentOf(own: readonly string[], { env, terminal }: ExecOptions, home: string): string[] {
  const nameOf = (pair: string) => pair.split('=', 1)[0];
  const names = new Set([...env.map(nameOf), 'HOME', ...(terminal ? ['TERM'] : [])]);
  const given = env.filter((pair) => pair.includes('='));
  const has = (name: string) => given.some((pair) => nameOf(pair) === name);
  return [
    ...own.filter((pair) => !names.has(nameOf(pair))),
    ...(terminal && !has('TERM') ? ['TERM=xterm'] : []),
    ...(has('HOME') ? [] : [`HOME=${home}`]),
    ...given,
  ];
}

/** The log is an option of the program, not of its exec. */
function withLog([program = '', ...args]: readonly string[], log: string): string[] {
  return [program, '--log', log, '--log-format', 'json', ...args];
}

function runToEnd(
  [program = '', ...args]: readonly string[],
  { stdio, onSpawned }: ExecOptions,
): Promise<number> {
  const child = spawn(program, args, { stdio });
  onSpawned?.(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code !== null) resolve(code);
      else reject(new RuntimeError(`${program} was ended by ${signal}`));
    });
  });
}

/** @throws {ContainerStartError} when it was the runtime that failed. */
function throwIfNotStarted(log: string, code: number): void {
  const messages = readFileSync(log, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .flatMap((line) => (line.includes('"level":"error"') ? [(JSON.parse(line) as { msg: string }).msg] : []));
  const message = messages.join('; ');
  if (message === '') return;
  try {
    throw new ContainerStartError(message, startFailure(message));
  } catch (error) {
    if (error instanceof ContainerStartError) throw error;
    throw new ContainerStartError(message, code);
  }
}
