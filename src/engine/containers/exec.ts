import type { ChildProcess } from 'node:child_process';
import { execInContainer } from '../../runtime/container/index.js';
import { type Handler, type HijackHandler, sendEmpty, sendJson } from '../call.js';
import type { Engine } from '../engine.js';
import { EngineError } from '../errors.js';
import { hijack, takeBody } from '../hijack.js';
import { readJsonBody, textMember } from '../json-body.js';
import { frameHeader, streamType } from '../stream-frames.js';
import type { Exec } from './execs.js';
import { pump } from './pump.js';

const MAX_BODY_BYTES = 64 * 1024;
/** As a shell has it, for a command that cannot be started. */
const NOT_STARTED = 126;

/** The first half of `docker exec`: what is to run. */
export const containerExec: Handler = async ({ containers, execs }, { name, message, answer }) => {
  const body = await readJsonBody(message);
  using opened = await containers.open();
  const { id } = await opened.host.running(name);
  if (body.Tty === true)
    throw new EngineError(
      501,
      'berth engine cannot give exec a terminal yet: leave out -t, or use berth exec -it',
    );
  const args = wordsIn(body.Cmd);
  if (args.length === 0) throw new EngineError(400, 'No exec command specified');
  const exec = execs.add({
    containerId: id,
    args,
    env: wordsIn(body.Env),
    user: textMember(body, 'User'),
    cwd: textMember(body, 'WorkingDir'),
    privileged: body.Privileged === true,
    stdin: body.AttachStdin === true,
    stdout: body.AttachStdout === true,
    stderr: body.AttachStderr === true,
  });
  sendJson(answer, { Id: exec.id }, 201);
};

/** The second half, with the client's streams. What goes wrong is said in the stream. */
export const execStart: HijackHandler = async (
  engine,
  { name, version, message, socket, head, signal, stopping },
) => {
  const exec = engine.execs.get(name);
  checkNew(exec);
  const { rest } = await takeBody(message, socket, head, MAX_BODY_BYTES);
  const stream = hijack(socket, rest, streamType({ tty: false, version }));
  const selected = { stdin: exec.stdin, stdout: exec.stdout, stderr: exec.stderr };
  const until = AbortSignal.any([signal, stopping]);
  let pumped: Promise<void> | undefined;
  const failure = await runExec(engine, exec, (child) => {
    pumped = pump(child, stream, { selected, tty: false });
    until.addEventListener('abort', () => child.kill('SIGKILL'), { once: true });
  });
  await pumped;
  // What was started has said itself what is wrong.
  if (failure !== undefined && pumped === undefined) {
    const text = Buffer.from(`OCI runtime exec failed: ${failure.message}\n`);
    socket.write(Buffer.concat([frameHeader('stderr', text.length), text]));
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
      tty: false,
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
    DetachKeys: '',
    Pid: 0,
  });
};

/** There are no terminals yet whose size could change. */
export const execResize: Handler = ({ execs }, { name, answer }) => {
  execs.get(name);
  sendEmpty(answer, 200);
};

function checkNew({ id, isRunning, exitCode }: Exec): void {
  if (isRunning || exitCode !== null) throw new EngineError(409, `exec ${id} has been started already`);
}

/** To its end. @returns why it could not be started. */
async function runExec(
  { containers, events }: Engine,
  exec: Exec,
  onSpawned: ((child: ChildProcess) => void) | undefined,
): Promise<Error | undefined> {
  using opened = await containers.open();
  const { id, config, image, name } = await opened.host.running(exec.containerId);
  const attributes = { ...config.Labels, execID: exec.id, image: image.name, name };
  const post = (action: string, more: object = {}) =>
    events.post({ type: 'container', action, id, attributes: { ...attributes, ...more } });
  exec.isRunning = true;
  post(`exec_start: ${exec.args.join(' ')}`);
  try {
    const { args, env, user, cwd, privileged } = exec;
    const pipes = [exec.stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'] as const;
    exec.exitCode = await execInContainer(opened.host, id, {
      ...{ args, env, user, cwd, privileged, terminal: false },
      stdio: onSpawned === undefined ? 'ignore' : [...pipes],
      ...(onSpawned && { onSpawned }),
    });
    return undefined;
  } catch (error) {
    const { exitCode = NOT_STARTED } = error as { exitCode?: number };
    exec.exitCode = exitCode;
    return error as Error;
  } finally {
    exec.isRunning = false;
    post('exec_die', { exitCode: String(exec.exitCode) });
  }
}

/** Words, or a single one as docker takes it. */
function wordsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : [];
}
