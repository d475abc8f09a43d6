import { readFileSync } from 'node:fs';
import { ownCapabilities } from '../capabilities.js';
import { ContainerStartError, ContainerStateError, UserNotFoundError } from '../errors.js';
import type { ProcessUser } from '../users.js';
import { processUser } from './container-bundle.js';
import type { ContainerHost } from './container-host.js';
import type { ContainerRecord } from './container-record.js';
import { newExecId, postExec } from './exec-events.js';
import { type ProcessOptions, runProcess } from './exec-process.js';
import type { TerminalSize } from './exec-terminal.js';

/** As a shell has it, for a command that cannot be started. */
const NOT_STARTED = 126;
const KILLED = 137;

/** Another process in a container: Engine API, POST /containers/(id)/exec. */
export type ExecOptions = ProcessOptions &
  Readonly<{
    args: readonly string[];
    /** On top of the container's. */
    env: readonly string[];
    /** The container's if it is ''. */
    user: string;
    cwd: string;
    privileged: boolean;
    /** By which events name it, where somebody has told of it before: {@link postExec}. */
    id?: string;
  }>;

type BundleProcess = Readonly<{
  env: readonly string[];
  cwd: string;
  capabilities: object;
  [name: string]: unknown;
}>;

/**
 * Runs another process in a container, on these streams, to its end.
 * @returns its exit code; none when it was left alone. @throws {ContainerStateError} the container does not run, or is paused.
 * @throws {ContainerStartError} the process cannot be started.
 */
export async function execInContainer(
  host: ContainerHost,
  text: string,
  options: ExecOptions,
): Promise<number | undefined> {
  const record = await host.running(text);
  if (record.state.status === 'paused') {
    throw new ContainerStateError(`Container ${record.id} is paused, unpause the container before exec`);
  }
  const { process: first } = JSON.parse(readFileSync(host.folder(record.id).file('config.json'), 'utf8')) as {
    process: BundleProcess;
  };
  const user = execUser(options.user || record.config.User || '', record);
  const spec = {
    ...first,
    args: options.args,
    env: environmentOf(first.env, options, user.home),
    cwd: options.cwd || first.cwd,
    terminal: options.terminal !== undefined,
    ...(options.terminal && { consoleSize: consoleSizeOf(options.terminal) }),
    ...(options.privileged && { capabilities: allCapabilities() }),
    user: { uid: user.uid, gid: user.gid, ...(user.groups.length > 0 && { additionalGids: user.groups }) },
  };
  const execID = options.id ?? newExecId();
  if (options.id === undefined)
    postExec(host.events, record, execID, { action: 'exec_create', args: options.args });
  postExec(host.events, record, execID, { action: 'exec_start', args: options.args });
  let exitCode: number | undefined = NOT_STARTED;
  try {
    exitCode = await runProcess(host, record, spec, options);
    return exitCode;
  } catch (error) {
    exitCode = options.signal?.aborted ? KILLED : ((error as { exitCode?: number }).exitCode ?? NOT_STARTED);
    throw error;
  } finally {
    // Of one that nobody waits for, nobody knows.
    if (options.detached !== true && exitCode !== undefined)
      postExec(host.events, record, execID, { exitCode });
  }
}

/** @throws {ContainerStartError} there is none of that name. */
function execUser(text: string, { state }: ContainerRecord): ProcessUser {
  try {
    return processUser(text, [], `/proc/${state.pid}/root`);
  } catch (error) {
    if (!(error instanceof UserNotFoundError)) throw error;
    throw new ContainerStartError(error.message, NOT_STARTED);
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

/** runtime-spec config.md, "process". */
function consoleSizeOf({ rows, columns }: TerminalSize) {
  return { height: rows, width: columns };
}
