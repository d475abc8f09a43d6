import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Writable } from 'node:stream';
import {
  DEFAULT_DETACH_KEYS,
  execInContainer,
  parseDetachKeys,
  postExec,
  type TerminalSize,
} from '../../runtime/container/index.js';
import { type Handler, type HijackHandler, sendEmpty, sendJson } from '../call.js';
import type { Engine } from '../engine.js';
import { EngineError } from '../errors.js';
import { hijack, takeBody } from '../hijack.js';
import { readJsonBody, textMember } from '../json-body.js';
import { numberOf } from '../query.js';
import { frameHeader, streamType } from '../stream-frames.js';
import { untilDetached } from './detach-keys.js';
import type { Exec } from './execs.js';
import { pump } from './pump.js';
import { terminalSizeOf } from './terminal-size.js';

const MAX_BODY_BYTES = 64 * 1024;
/** As a shell has it, for a command that cannot be started. */
const NOT_STARTED = 126;

/** The first half of `docker exec`: what is to run. */
export const containerExec: Handler = async ({ containers, execs }, { name, message, answer }) => {
  const body = await readJsonBody(message);
  const record = await containers.host.running(name);
  if (record.state.status === 'paused')
    throw new EngineError(409, `Container ${record.id} is paused, unpause the container before exec`);
  const args = wordsIn(body.Cmd);
  if (args.length === 0) throw new EngineError(400, 'No exec command specified');
  const exec = execs.add({
    containerId: record.id,
    args,
    tty: body.Tty === true,
    size: sizeIn(body.ConsoleSize),
    detachKeys: parseDetachKeys(textMember(body, 'DetachKeys') || DEFAULT_DETACH_KEYS),
    env: wordsIn(body.Env),
    user: textMember(body, 'User'),
    cwd: textMember(body, 'WorkingDir'),
    privileged: body.Privileged === true,
    stdin: body.AttachStdin === true,
    stdout: body.AttachStdout === true,
    stderr: body.AttachStderr === true,
  });
  postExec(containers.host.events, record, exec.id, { action: 'exec_create', args });
  sendJson(answer, { Id: exec.id }, 201);
};

/** The second half, with the client's streams. What goes wrong is said in the stream. */
export const execStart: HijackHandler = async (
  engine,
  { name, version, message, socket, head, signal, stopping },
) => {
  const exec = engine.execs.get(name);
  checkNew(exec);
  const { body, rest } = await takeBody(message, socket, head, MAX_BODY_BYTES);
  const { tty } = exec;
  exec.size = startSizeIn(body) ?? exec.size;
  const stream = hijack(socket, rest, streamType({ tty, version }));
  const selected = { stdin: exec.stdin, stdout: exec.stdout, stderr: exec.stderr };
  const until = AbortSignal.any([signal, stopping]);
  let pumped: Promise<void> | undefined;
  const failure = await runExec(engine, exec, (child) => {
    const detached = new AbortController();
    const input = tty ? untilDetached(stream.input, exec.detachKeys, () => detached.abort()) : stream.input;
    pumped = pump(child, { socket, input }, { selected, tty });
    // The process goes on; its output is read and shown to nobody.
    detached.signal.addEventListener('abort', () => socket.end(), { once: true });
    until.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  });
  await pumped;
  // What was started has said itself what is wrong.
  if (failure !== undefined && pumped === undefined) {
    const text = Buffer.from(`OCI runtime exec failed: ${failure.message}\n`);
    socket.write(tty ? text : Buffer.concat([frameHeader('stderr', text.length), text]));
  }
  socket.end();
};

/** `docker exec -d`: nobody is told how it goes. */
export const execStartDetached: Handler = async (engine, { name, message, answer }) => {
  const exec = engine.execs.get(name);
  checkNew(exec);
  const body = await readJsonBody(message);
  if (body.Detach !== true) throw new EngineError(400, 'ask for an upgrade, or set Detach');
  runExec(engine, exec, undefined).catch((error: unknown) =>
    engine.log.error({ error, exec: exec.id }, 'exec failed'),
  );
  sendEmpty(answer, 200);
};

export const execInspect: Handler = ({ execs }, { name, answer }) => {
  const { id, containerId, isRunning, exitCode, args, ...config } = execs.get(name);
  const [entrypoint = '', ...rest] = args;
  sendJson(answer, {
    ID: id,
    Running: isRunning,
    ExitCode: exitCode,
    ProcessConfig: {
      tty: config.tty,
      entrypoint,
      arguments: rest,
      privileged: config.privileged,
      user: config.user,
    },
    OpenStdin: config.stdin,
    OpenStdout: config.stdout,
    OpenStderr: config.stderr,
    CanRemove: false,
    ContainerID: containerId,
    Pid: 0,
  });
};

/** The client's terminal has another size. */
export const execResize: Handler = ({ execs }, { name, query, answer }) => {
  const exec = execs.get(name);
  exec.size = terminalSizeOf(numberOf(query, 'h') ?? 0, numberOf(query, 'w') ?? 0);
  exec.sizes?.write(sizeLine(exec.size));
  sendEmpty(answer, 200);
};

function checkNew({ id, isRunning, exitCode }: Exec): void {
  if (isRunning || exitCode !== null) throw new EngineError(409, `exec ${id} has been started already`);
}

/** To its end. @returns why it could not be started. */
async function runExec(
  { containers }: Engine,
  exec: Exec,
  onSpawned: ((child: ChildProcess) => void) | undefined,
): Promise<Error | undefined> {
  exec.isRunning = true;
  try {
    const { id, args, env, user, cwd, privileged } = exec;
    const hasTerminal = exec.tty && onSpawned !== undefined;
    const input = exec.stdin || hasTerminal ? 'pipe' : 'ignore';
    const pipes = hasTerminal ? [input, 'pipe', 'ignore', 'pipe'] : [input, 'pipe', 'pipe'];
    const code = await execInContainer(containers.host, exec.containerId, {
      ...{ id, args, env, user, cwd, privileged },
      stdio: onSpawned === undefined ? 'ignore' : (pipes as StdioOptions),
      ...(hasTerminal && { terminal: exec.size }),
      ...(onSpawned && { onSpawned: (child) => spawned(exec, child, onSpawned) }),
    });
    exec.exitCode = code ?? null;
    return undefined;
  } catch (error) {
    const { exitCode = NOT_STARTED } = error as { exitCode?: number };
    exec.exitCode = exitCode;
    return error as Error;
  } finally {
    exec.isRunning = false;
    delete exec.sizes;
  }
}

function spawned(exec: Exec, child: ChildProcess, then: (child: ChildProcess) => void): void {
  const sizes = child.stdio[3] as Writable | undefined;
  if (sizes != null) {
    sizes.on('error', () => {}); // it has ended
    exec.sizes = sizes;
    sizes.write(sizeLine(exec.size)); // it may have changed since
  }
  then(child);
}

function sizeLine({ rows, columns }: TerminalSize): string {
  return `${rows} ${columns}\n`;
}

/** Height and width. */
function sizeIn(value: unknown): TerminalSize {
  const [rows, columns] = Array.isArray(value) ? value : [];
  return terminalSizeOf(Number(rows ?? 0), Number(columns ?? 0));
}

function startSizeIn(body: Buffer): TerminalSize | undefined {
  const { ConsoleSize } = JSON.parse(body.toString() || '{}') as { ConsoleSize?: unknown };
  return Array.isArray(ConsoleSize) ? sizeIn(ConsoleSize) : undefined;
}

/** Words, or a single one as docker takes it. */
function wordsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : [];
}
