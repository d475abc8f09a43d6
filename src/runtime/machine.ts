import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ownCapabilities } from './capabilities.js';
import { RuntimeUnavailableError } from './errors.js';
import { cgroupOptions, OciRuntime, type RuntimeProgram, type UsableRuntime } from './oci-runtime.js';
import { type OverlayKind, usableOverlay } from './overlay.js';
import { OwnMounts } from './own-mounts.js';
import { chooseRuntime } from './runtime-choice.js';
import { SnapshotUsers } from './snapshot-users.js';
import { SnapshotStore } from './snapshots.js';
import type { Surroundings } from './spec.js';
import type { ContainerParts } from './step-container.js';
import { ownCgroups, ownIDs } from './surroundings.js';
import { removeTree, WorkFolder } from './work-folder.js';

export type MachineOptions = Readonly<{
  /** $BERTH_ROOT: snapshots/ in it is ours. */
  root: string;
  /** A program to use instead of the crun or runc in the path. */
  runtime?: string;
  /** What joins layers, where not the kernel is to. */
  overlay?: 'fuse-overlayfs';
  /** Whether an ordinary user's systemd is asked for cgroups: steps of builds have no limits, and start faster without. */
  asksForCgroups?: boolean;
}>;

const STATE = 'state';

/** What containers need, and the lock that keeps snapshots from being removed meanwhile. */
export type Machine = ContainerParts &
  Readonly<{ users: SnapshotUsers; program: UsableRuntime }> &
  Disposable;

/** The program that runs containers here. @throws {RuntimeUnavailableError} there is none. */
export async function findRuntime({ root, runtime, ...options }: MachineOptions): Promise<UsableRuntime> {
  const directory = join(root, 'snapshots');
  using opened = new DisposableStack();
  const work = () => opened.use(WorkFolder.create(join(directory, 'work')));
  return await chosenRuntime(directory, work, runtime, surroundingsOfThisProcess(options));
}

/** Puts together what this process, root of some kind, needs for containers. */
export async function openMachine({
  root,
  runtime,
  overlay: wanted,
  ...options
}: MachineOptions): Promise<Machine> {
  const directory = join(root, 'snapshots');
  const surroundings = surroundingsOfThisProcess(options);
  const overlay = chosenOverlay(wanted, surroundings);
  // Nobody else may look in: images hold programs with setuid, and files that anybody may read.
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  using opened = new DisposableStack();
  const users = opened.use(await SnapshotUsers.join(join(directory, 'lock')));
  const work = opened.use(WorkFolder.create(join(directory, 'work')));
  const program = await chosenRuntime(directory, () => work, runtime, surroundings);
  const stateOf = (folder: string) => stateDirectory(folder, program);
  const runtimeIn = (folder: string) =>
    new OciRuntime({ ...program, stateDirectory: stateOf(folder), surroundings });
  await WorkFolder.removeLeftovers(join(directory, 'work'), async (folder) => {
    for (const id of namesIn(stateOf(folder))) await runtimeIn(folder).remove(id);
    removeTree(stateOf(folder));
  });
  opened.defer(() => removeTree(stateOf(work.path)));
  const all = opened.move();
  const single = surroundings.ids === 'single';
  return {
    surroundings,
    overlay,
    program,
    users,
    work,
    runtime: runtimeIn(work.path),
    ownMounts: new OwnMounts(),
    snapshots: new SnapshotStore({
      directory,
      work,
      ownership: single ? 'ignore' : 'keep',
      devices: surroundings.ids === 'machine' ? 'keep' : 'skip',
      overlay,
    }),
    [Symbol.dispose]: () => all.dispose(),
  };
}

/** @throws {RuntimeUnavailableError} root of the machine has no use for another. */
function chosenOverlay(wanted: MachineOptions['overlay'], { ids }: Surroundings): OverlayKind {
  if (wanted === undefined) return usableOverlay(ids);
  if (ids !== 'machine') return 'fuse';
  throw new RuntimeUnavailableError(
    'fuse-overlayfs is for ordinary users, and this is root, for whom the kernel joins layers: leave out BERTH_OVERLAY',
  );
}

async function chosenRuntime(
  directory: string,
  work: () => WorkFolder,
  wanted: string | undefined,
  surroundings: Surroundings,
): Promise<UsableRuntime> {
  const memory = join(
    directory,
    surroundings.userCgroup === undefined ? 'runtime.json' : 'runtime-cgroups.json',
  );
  const program = await chooseRuntime({ wanted, memory, work, surroundings });
  return { ...program, options: cgroupOptions(program.kind, surroundings) };
}

function surroundingsOfThisProcess({
  asksForCgroups = false,
}: Pick<MachineOptions, 'asksForCgroups'>): Surroundings {
  const [ids, own] = [ownIDs(), ownCgroups()];
  const cgroups = own.userCgroup === undefined || asksForCgroups ? own : ({ cgroups: 'none' } as const);
  return { ids, capabilities: ownCapabilities(), ...cgroups };
}

/** crun keeps a copy of config.json there, whose environment may hold secrets: so it goes to memory. */
function stateDirectory(folder: string, { kind }: RuntimeProgram): string {
  return kind === 'crun' ? `/dev/shm/berth-${basename(folder)}` : join(folder, STATE);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
