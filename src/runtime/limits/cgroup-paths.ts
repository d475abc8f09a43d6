import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the cgroups of a container are on this machine. */
export type CgroupPaths = Readonly<{
  version: 'v1' | 'v2';
  /** By controller, with the names of v1; on v2 all are in one directory. */
  directoryOf: (controller: string) => string | undefined;
}>;

/**
 * Finds the cgroups of a process, on machines of any kind: on hybrid ones the controllers are where v1 has them.
 * @param pid as this process sees it. @returns `undefined` when it has ended, or has none.
 */
export function cgroupPathsOf(
  pid: number,
  texts: Readonly<{ cgroup?: string; mountinfo?: string }> = {},
): CgroupPaths | undefined {
  const cgroup = texts.cgroup ?? textOf(`/proc/${pid}/cgroup`);
  if (cgroup === '') return undefined;
  const mounts = mountsIn(texts.mountinfo ?? textOf('/proc/self/mountinfo'));
  const groups = cgroup
    .trim()
    .split('\n')
    .map((line) => {
      const [, , controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
      return { controllers: controllers.split(','), path };
    });
  const directories = new Map<string, string>();
  for (const { controllers, path } of groups) {
    for (const controller of controllers.filter((name) => name !== '' && !name.startsWith('name='))) {
      const mount = mounts.find((each) => each.type === 'cgroup' && each.options.includes(controller));
      const directory = mount && within(mount, path);
      if (directory !== undefined) directories.set(controller, directory);
    }
  }
  if (directories.size > 0) return { version: 'v1', directoryOf: (name) => directories.get(name) };
  const unified = groups.find(({ controllers }) => controllers.join() === '');
  const mount = mounts.find(({ type }) => type === 'cgroup2');
  const directory = unified && mount && within(mount, unified.path);
  return directory === undefined ? undefined : { version: 'v2', directoryOf: () => directory };
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
  if (root === '/') return join(place, path);
  if (path !== root && !path.startsWith(`${root}/`)) return undefined;
  return join(place, path.slice(root.length));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
