import { join } from 'node:path';
import { readIfAny } from '../../linux/index.js';

/** Where the cgroups of a container are on this machine. */
export type CgroupPaths = Readonly<{
  version: 'v1' | 'v2';
  /** By controller, with the names of v1; on v2 all are in one directory. */
  directoryOf: (controller: string) => string | undefined;
}>;

/** For tests: in place of those of proc(5). */
type ProcessTexts = Readonly<{ cgroup?: string; mountinfo?: string }>;

/**
 * Finds the cgroups of a process, on machines of any kind: on hybrid ones the controllers are where v1 has them.
 * @param pid as this process sees it. @returns `undefined` when it has ended, or has none.
 */
export function cgroupPathsOf(pid: number, texts: ProcessTexts = {}): CgroupPaths | undefined {
  const found = cgroupsOf(pid, texts);
  const directories = new Map(
    found.flatMap(({ controllers, directory }) =>
      controllers.filter((name) => !name.startsWith('name=')).map((name) => [name, directory] as const),
    ),
  );
  if (directories.size > 0) return { version: 'v1', directoryOf: (name) => directories.get(name) };
  const unified = found.find(({ controllers }) => controllers.length === 0);
  return unified && { version: 'v2', directoryOf: () => unified.directory };
}

/** A cgroup in one of the machine's hierarchies, of which each process is in one of each. */
export type Cgroup = Readonly<{
  /** `name=systemd` without a controller; none: that of v2. */
  controllers: readonly string[];
  /** Where the hierarchy can be seen. */
  mount: string;
  directory: string;
}>;

/** The cgroups of a process, in hierarchies that can be seen. @param pid as {@link cgroupPathsOf}. */
export function cgroupsOf(pid: number | 'self', texts: ProcessTexts = {}): Cgroup[] {
  const mounts = mountsIn(texts.mountinfo ?? readIfAny('/proc/self/mountinfo'));
  const lines = (texts.cgroup ?? readIfAny(`/proc/${pid}/cgroup`)).trim().split('\n');
  return lines.flatMap((line) => {
    const [, list = '', path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    const controllers = list.split(',').filter(Boolean);
    const mount = mounts.find(({ type, options }) =>
      controllers.length === 0
        ? type === 'cgroup2'
        : type === 'cgroup' && controllers.every((name) => options.includes(name)),
    );
    const directory = mount && within(mount, path);
    return directory === undefined ? [] : [{ controllers, mount: mount?.place ?? '', directory }];
  });
}

type Mount = Readonly<{ root: string; place: string; type: string; options: readonly string[] }>;

/** proc(5), /proc/pid/mountinfo. */
function mountsIn(table: string): Mount[] {
  return table.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', place = ''] = before.split(' ');
    const [type = '', , options = ''] = after.split(' ');
    return type.startsWith('cgroup') ? [{ root, place, type, options: options.split(',') }] : [];
  });
}

/** A container may see only a part of the hierarchy. */
function within({ root, place }: Mount, path: string): string | undefined {
  if (path === root) return place;
  if (root === '/') return join(place, path);
  if (!path.startsWith(`${root}/`)) return undefined;
  return join(place, path.slice(root.length));
}
