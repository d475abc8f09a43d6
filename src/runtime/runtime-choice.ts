import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { RuntimeUnavailableError } from './errors.js';
import { OciRuntime, type RuntimeProgram } from './oci-runtime.js';
import { findProgram } from './programs.js';
import { bootId } from './runtime-directory.js';
import { containerSpec, type SpecMount, type Surroundings } from './spec.js';
import { scopeOf } from './user-cgroups.js';
import type { WorkFolder } from './work-folder.js';

export type RuntimeChoice = Readonly<{
  /** A program that somebody asks for; it is used as it is. */
  wanted: string | undefined;
  /** A file that keeps what the self-test found. */
  memory: string;
  /** Where the self-test may work; asked for only when there is one. */
  work: () => WorkFolder;
  surroundings: Surroundings;
}>;

/** What people install programs and their libraries in. */
const SYSTEM_FOLDERS = ['bin', 'sbin', 'lib', 'lib64', 'usr', 'nix', 'gnu'];
const SELF_TEST_MS = 10_000;

/**
 * crun where it works, since it starts faster, or else runc. crun is tried with a container of this machine's own
 * programs: some versions cannot do with some kinds of cgroups. The answer is kept until crun or the boot changes.
 */
export async function chooseRuntime(choice: RuntimeChoice): Promise<RuntimeProgram> {
  if (choice.wanted !== undefined) {
    return { program: choice.wanted, kind: /crun[^/]*$/.test(choice.wanted) ? 'crun' : 'runc' };
  }
  const [crun, runc] = [findProgram('crun'), findProgram('runc')];
  if (crun !== undefined && (runc === undefined || (await works(crun, choice)))) {
    return { program: crun, kind: 'crun' };
  }
  if (runc !== undefined) return { program: runc, kind: 'runc' };
  throw new RuntimeUnavailableError(
    'RUN needs runc, which is not installed: install the package runc or crun',
  );
}

async function works(program: string, choice: RuntimeChoice): Promise<boolean> {
  const { mtimeMs, size } = statSync(program);
  const boot = bootId();
  const key = JSON.stringify([program, mtimeMs, size, boot, choice.surroundings.cgroups]);
  const known = remembered(choice.memory);
  if (known?.key === key) return known.works;
  const answer = await passesSelfTest({ program, kind: 'crun' }, choice);
  writeFileSync(choice.memory, JSON.stringify({ key, works: answer }));
  return answer;
}

function remembered(path: string): { key: string; works: boolean } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { key: string; works: boolean };
  } catch {
    return undefined;
  }
}

async function passesSelfTest(
  program: RuntimeProgram,
  { work, surroundings }: RuntimeChoice,
): Promise<boolean> {
  const bundle = work().makeFolder();
  const runtime = new OciRuntime({ ...program, stateDirectory: join(bundle, 'state'), surroundings });
  const rootfs = join(bundle, 'rootfs');
  mkdirSync(rootfs);
  const spec = containerSpec(
    {
      rootfs,
      args: ['/bin/sh', '-c', 'exit 42'],
      env: [],
      cwd: '/',
      user: { uid: 0, gid: 0, groups: [], home: '/' },
      hostname: 'self-test',
      terminal: false,
      network: 'none',
      privileged: false,
      mounts: SYSTEM_FOLDERS.flatMap((name) => systemFolder(name, rootfs)),
      rlimits: [],
      ...(surroundings.cgroups !== 'none' && { cgroupsPath: selfTestPath(surroundings) }),
    },
    surroundings,
  );
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
  try {
    const signal = AbortSignal.timeout(SELF_TEST_MS);
    return (await runtime.run({ id: 'self-test', bundle, signal }, () => {})) === 42;
  } catch {
    return false; // whatever the reason: runc is asked instead, and its complaints are shown
  }
}

function selfTestPath({ userCgroup }: Surroundings): string {
  return userCgroup === undefined ? '/berth/self-test' : scopeOf('self-test').cgroupsPath;
}

function systemFolder(name: string, rootfs: string): SpecMount[] {
  const path = join('/', name);
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink()) symlinkSync(readlinkSync(path), join(rootfs, name));
  if (!stats?.isDirectory()) return [];
  mkdirSync(join(rootfs, name));
  return [{ destination: path, type: 'bind', source: path, options: ['rbind', 'rprivate', 'ro'] }];
}
