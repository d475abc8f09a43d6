import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { NetworkNamespaces } from '../../src/runtime/networks/network-namespaces.js';
import { networksPlace } from '../../src/runtime/networks/networks.js';
import { runtimeDirectory } from '../../src/runtime/runtime-directory.js';
import type { ContainerPlace } from '../containers/container-place.js';

const RUN = '/run';
const RELAY = 'berth-port-relay';

/** Containers of one $BERTH_ROOT, in one network namespace. */
type Place = Pick<ContainerPlace, 'root' | 'inside'>;

/** What the machine has of the containers of one place, by the ids that it is named after, whole or their beginnings. */
export type Traces = Readonly<{
  monitors: readonly string[];
  /** Of ports that are published on IPv6. */
  relays: readonly string[];
  cgroups: readonly string[];
  folders: readonly string[];
  namespaces: readonly string[];
  /** Those of the runtime, and what cleans up: short-lived. */
  programs: readonly string[];
  /** Ends of veth pairs that are on bridges. */
  devices: readonly string[];
  /** Addresses that firewall rules send published ports to. */
  published: readonly string[];
  /** Where something of the place is mounted, as the machine sees it. */
  mounts: readonly string[];
  /** Directories of volumes. */
  volumes: readonly string[];
}>;

type Process = Readonly<{ pid: number; args: readonly string[] }>;

/** Every process of the machine that can be seen, but for those that end meanwhile. */
function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const args = textOf(`/proc/${name}/cmdline`).split('\0');
      return args[0] === '' ? [] : [{ pid: Number(name), args }];
    });
}

/** `id`: of the container, or the first half of it. conmon, runc and what they start for the containers of a place. */
export function programsOf(place: Place): (Process & Readonly<{ id: string; kind: string }>)[] {
  const marks = [join(place.root, 'containers'), `--root ${place.root} `, runtimeDirectory(place.root, RUN)];
  return processes().flatMap((one) => {
    const text = one.args.join(' ');
    if (!marks.some((mark) => text.includes(mark))) return [];
    const id = /(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])/.exec(text)?.[0] ?? '';
    const name = /([^/]+)$/.exec(one.args[0]?.split(' ', 1)[0] ?? '')?.[1] ?? '';
    const kind = text.includes(' container cleanup ') && name !== 'conmon' ? 'cleanup' : name;
    return [{ ...one, id, kind }];
  });
}

/** Every process in the cgroup of a container. */
export function membersOf(id: string): number[] {
  const lists = globSync(`/sys/fs/cgroup/{.,*}/berth/${id}/cgroup.procs`);
  return [...new Set(lists.flatMap((list) => textOf(list).split('\n')))].filter(Boolean).map(Number);
}

/** @param known ids of containers: cgroups of others are none of the place's. */
export async function tracesOf(place: Place, known: ReadonlySet<string>): Promise<Traces> {
  const programs = programsOf(place);
  const links = await place.inside(['ip', '-br', 'link', 'show', 'type', 'veth']);
  const rules = await place.inside(['iptables-save', '-t', 'nat']);
  const destinations = rules
    .split('\n')
    .flatMap((line) => /--to-destination ([\d.]+):/.exec(line)?.[1] ?? []);
  const namesIn = (path: string) => (existsSync(path) ? readdirSync(path) : []);
  const prefix = basename(NetworkNamespaces.ofMachine(networksPlace(place.root, RUN).directory).path(''));
  return {
    monitors: unique(programs.filter(({ kind }) => kind === 'conmon').map(({ id }) => id)),
    relays: unique(programs.filter(({ kind }) => kind === RELAY).map(({ id }) => id)),
    cgroups: unique(
      globSync('/sys/fs/cgroup/{.,*}/berth/*')
        .map((path) => path.slice(path.lastIndexOf('/') + 1))
        .filter((name) => known.has(name)),
    ),
    folders: unique(namesIn(join(place.root, 'containers')).map((name) => name.replace(/\..*$/, ''))),
    namespaces: namesIn('/run/netns')
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length)),
    programs: programs
      .filter(({ kind }) => kind !== 'conmon' && kind !== RELAY)
      .map(({ args }) => args.join(' ')),
    devices: links.split('\n').flatMap((line) => /^(veth\w+)/.exec(line)?.[1] ?? []),
    published: unique(destinations),
    mounts: textOf('/proc/self/mountinfo')
      .split('\n')
      .filter((line) => line.includes(place.root)),
    volumes: namesIn(join(place.root, 'volumes')),
  };
}

/** Processes with all that they have started, a line each: for a person to see what they wait for. */
export function treesOf(pids: readonly number[]): string {
  const parents = new Map(
    processes().map(({ pid }) => [pid, Number(/\) \w (\d+)/.exec(textOf(`/proc/${pid}/stat`))?.[1])]),
  );
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return pids.includes(pid) || (parent !== undefined && isBelow(parent));
  };
  return processes()
    .filter(({ pid }) => isBelow(pid))
    .map(({ pid, args }) => {
      const kernel = textOf(`/proc/${pid}/stack`).split('\n', 3).join(' ');
      return `${pid} < ${parents.get(pid)} ${args.join(' ')} (${kernel})`;
    })
    .join('\n');
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}
