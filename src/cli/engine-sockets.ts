import { chmod, chown, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname, join } from 'node:path';
import { makeDirectories } from '../linux/index.js';
import { listen } from '../registry/listen.js';
import { UsageError } from './failure.js';
import { runDirectory } from './user-namespace.js';

/** For its owner and its group: whoever may write there has all that the engine has. */
const MODE = 0o660;
/** The first of the descriptors that systemd passes on. sd_listen_fds(3). */
const FIRST_FD = 3;

/** A socket of this machine, or one that was opened by who started us. */
export type EngineSocket = Readonly<{ path: string }> | Readonly<{ fd: number }>;

/**
 * Where the engine listens: `-H unix://PATH` each, else what systemd has opened, else the usual place.
 * @throws {UsageError}
 */
export function engineSockets(hosts: readonly string[], env: NodeJS.ProcessEnv): readonly EngineSocket[] {
  if (hosts.length === 0) {
    const passed = passedSockets(env);
    return passed.length > 0 ? passed : [{ path: usualSocket(env) }];
  }
  return hosts.flatMap((host): readonly EngineSocket[] => {
    if (/^fd:\/\/$/.test(host)) return requirePassed(env);
    const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
    if (path !== undefined) return [{ path }];
    throw new UsageError(
      `-H ${host}: write unix:///PATH, or fd:// for the sockets of systemd; berth engine does not listen on the network, where everybody who reached it would be root`,
    );
  });
}

/** Descriptors that systemd has opened for this process. */
export function passedDescriptors(env: NodeJS.ProcessEnv): readonly number[] {
  return passedSockets(env).map(({ fd }) => fd);
}

/** `/run/berth/engine.sock`; of other users below their own `$XDG_RUNTIME_DIR`. */
export function usualSocket(env: NodeJS.ProcessEnv): string {
  return join(runDirectory(env), 'berth', 'engine.sock');
}

function passedSockets({ LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv): readonly { fd: number }[] {
  if (Number(LISTEN_PID) !== process.pid || !/^\d{1,3}$/.test(LISTEN_FDS ?? '')) return [];
  return Array.from({ length: Number(LISTEN_FDS) }, (_, i) => ({ fd: FIRST_FD + i }));
}

function requirePassed(env: NodeJS.ProcessEnv): readonly EngineSocket[] {
  const passed = passedSockets(env);
  if (passed.length === 0) throw new UsageError('-H fd://: systemd has passed no socket ($LISTEN_FDS)');
  return passed;
}

/**
 * @param group who may connect beside the owner. @returns the path, or `fd:3`.
 * @throws {Error} something listens there already.
 */
export async function listenOn(
  server: Server,
  socket: EngineSocket,
  group: string | undefined,
): Promise<string> {
  if ('fd' in socket) {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ fd: socket.fd }, resolve);
    });
    return `fd:${socket.fd}`;
  }
  const { path } = socket;
  const gid = group === undefined ? undefined : await groupId(group);
  makeDirectories(dirname(path), 0o755);
  await listen(server, { path }, '-H');
  // With the usual umask nobody else could write to it meanwhile.
  if (gid !== undefined) await chown(path, process.getuid?.() ?? 0, gid);
  await chmod(path, MODE);
  return path;
}

async function groupId(group: string): Promise<number> {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  const lines = (await readFile('/etc/group', 'utf8')).split('\n').map((line) => line.split(':'));
  const found = lines.find(([name]) => name === group)?.[2];
  if (found === undefined)
    throw new UsageError(`--group ${group}: there is no such group; groupadd ${group} makes it`);
  return Number(found);
}
