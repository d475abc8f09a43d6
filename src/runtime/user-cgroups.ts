import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupsOf } from './limits/index.js';
import { findProgram, runProgram } from './programs.js';
import { isWritable } from './writable.js';

/** All that an ordinary user's systemd starts is below it. systemd.special(7) */
const UNIT = /^.*\/user@\d+\.service(?=\/|$)/;
/** Of somebody who has logged in, and has nothing that counts who is in it. A service of the machine has. */
const SESSION = /\/user-\d+\.slice\/session-[^/]+\.scope(?=\/|$)/;
const SLICE = 'user.slice';
const LOOK_AGAIN_MS = 5;
const LONGEST_MOVE_MS = 3000;

/** For tests: in place of those of proc(5). */
type ProcessTexts = Readonly<{ cgroup?: string; mountinfo?: string }>;

/**
 * Where an ordinary user may make cgroups: below the unit of the user's own systemd, which makes them when it is asked on its
 * bus, as it is by runc and crun. Only cgroup v2 is given to users.
 * @param run the user's $XDG_RUNTIME_DIR. @returns the directory of that unit; nothing where this process is not in it, since
 * it could not put another into a cgroup there.
 */
export function userCgroup(run: string | undefined, texts: ProcessTexts = {}): string | undefined {
  if (run === undefined || !existsSync(join(run, 'bus'))) return undefined;
  const [unit] = UNIT.exec(unifiedDirectory(texts) ?? '') ?? [];
  return unit !== undefined && isWritable(join(unit, 'cgroup.procs')) ? unit : undefined;
}

/**
 * Puts this process, and what it will start, where {@link userCgroup} finds its cgroups: sessions are not in the unit of the
 * user's systemd, and only that can take somebody into it. As far as may be: else it stays where it is, without limits.
 * @param run as there. @param uid of the user, outside of all namespaces.
 */
export async function enterUserCgroup(run: string, uid: string): Promise<void> {
  const busctl = findProgram('busctl');
  if (busctl === undefined || !existsSync(join(run, 'bus')) || !mayEnter(uid)) return;
  const unit = `berth-command-${process.pid}-${Date.now().toString(36)}.scope`;
  const command = ['/usr/bin/env', `XDG_RUNTIME_DIR=${run}`, busctl, ...startScope(unit, process.pid)];
  try {
    await runProgram(command);
    for (const deadline = Date.now() + LONGEST_MOVE_MS; mayEnter(uid) && Date.now() < deadline; )
      await sleep(LOOK_AGAIN_MS);
  } catch {
    // whoever asks for a limit is told that there is none
  }
}

/** Arguments of busctl(1). The scope goes when nobody is in it any more. */
export function startScope(unit: string, pid: number): string[] {
  const manager = [
    'org.freedesktop.systemd1',
    '/org/freedesktop/systemd1',
    'org.freedesktop.systemd1.Manager',
  ];
  const properties = [
    ...['Description', 's', 'A command of Berth, and what watches over the containers that it has started'],
    ...['Slice', 's', SLICE],
    ...['CollectMode', 's', 'inactive-or-failed'],
    ...['PIDs', 'au', '1', String(pid)],
  ];
  const call = ['StartTransientUnit', 'ssa(sv)a(sa(sv))', unit, 'fail'];
  return ['--user', '--quiet', 'call', ...manager, ...call, '4', ...properties, '0'];
}

/** Where its systemd puts what a container of an ordinary user is in, as runtimes are told, and below {@link userCgroup}. */
export function scopeOf(id: string, slice = SLICE): Readonly<{ cgroupsPath: string; below: string }> {
  // a-b.slice is in a.slice: systemd.slice(5)
  const names = slice.replace(/\.slice$/, '').split('-');
  const slices = names.map((_, at) => `${names.slice(0, at + 1).join('-')}.slice`);
  return { cgroupsPath: `${slice}:berth:${id}`, below: join(...slices, `berth-${id}.scope`) };
}

/** Whether this process is in a session, on a machine with nothing but v2, and the user's systemd runs. */
export function mayEnter(uid: string, texts: ProcessTexts = {}, mount = '/sys/fs/cgroup'): boolean {
  if (!SESSION.test(unifiedDirectory(texts) ?? '')) return false;
  return existsSync(`${mount}/user.slice/user-${uid}.slice/user@${uid}.service`);
}

/** Of this process. Nothing on hybrid machines: there the controllers are those of v1. */
function unifiedDirectory(texts: ProcessTexts = {}): string | undefined {
  const cgroups = cgroupsOf('self', texts);
  const [only] = cgroups;
  return cgroups.length === 1 && only?.controllers.length === 0 ? only.directory : undefined;
}
