import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { RunStep } from '../layer/index.js';
import { MountTargets } from './mount-targets.js';
import { hostsFile, resolvConf } from './network-files.js';
import type { ContainerRun, OciRuntime, OutputListener } from './oci-runtime.js';
import { mountOverlay, type Overlay, type OverlayKind } from './overlay.js';
import type { OwnMounts } from './own-mounts.js';
import { expectDirectories, lstatIfAny, makeDirectories, resolveInRoot } from './root-path.js';
import type { SnapshotStore } from './snapshots.js';
import {
  type ContainerOptions,
  containerSpec,
  mustHideDevices,
  type SpecMount,
  type Surroundings,
  standardTargets,
} from './spec.js';
import { type PreparedMount, StepMounts } from './step-mounts.js';
import { rlimits } from './ulimits.js';
import { findUser, textsOf } from './users.js';
import { removeTree, type WorkFolder } from './work-folder.js';

/** What containers are made of and with. */
export type ContainerParts = Readonly<{
  runtime: OciRuntime;
  snapshots: SnapshotStore;
  work: WorkFolder;
  ownMounts: OwnMounts;
  surroundings: Surroundings;
  overlay: OverlayKind;
}>;

const SHELLS = ['/bin/bash', '/bin/sh', '/bin/ash', '/bin/busybox'];

/** The root filesystem of one step, mounted, with all that the step sees. Commands run in it one after another. */
export class StepContainer implements Disposable {
  /** One directory for each layer of the stack, base first. */
  readonly lowers: readonly string[];
  readonly #parts: ContainerParts;
  readonly #folder: string;
  readonly #overlay: Overlay;
  readonly #targets: MountTargets;
  readonly #mounted = new DisposableStack();
  #options: ContainerOptions | undefined;

  static async create(step: RunStep, parts: ContainerParts): Promise<StepContainer> {
    const lowers = await parts.snapshots.ensure(step.stack, { signal: step.signal });
    parts.ownMounts.enter();
    const container = new StepContainer(lowers, parts, step);
    try {
      await container.#prepare(step);
      return container;
    } catch (error) {
      container[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(lowers: readonly string[], parts: ContainerParts, { security }: RunStep) {
    this.lowers = lowers;
    this.#parts = parts;
    this.#folder = parts.work.makeFolder();
    const noDevices = mustHideDevices(security === 'insecure', parts.surroundings);
    this.#overlay = mountOverlay({ lowers, directory: this.#folder, kind: parts.overlay, noDevices });
    this.#mounted.defer(() => parts.ownMounts.unmount(this.#overlay.root));
    this.#targets = new MountTargets(this.#overlay.root);
  }

  async run(signal: AbortSignal, onOutput: OutputListener): Promise<number> {
    return this.#parts.runtime.run(this.#bundle(this.#options, signal), onOutput);
  }

  /** The first shell there is, on this terminal. */
  async shell(signal: AbortSignal): Promise<number> {
    const { root } = this.#overlay;
    const path = SHELLS.find((name) => lstatIfAny(resolveInRoot(root, name))?.isFile()) ?? '/bin/sh';
    const args = basename(path) === 'busybox' ? [path, 'sh'] : [path];
    const options = this.#options && { ...this.#options, args, terminal: true };
    return this.#parts.runtime.runOnTerminal(this.#bundle(options, signal));
  }

  /** Takes everything apart but the changes. @returns the directory that has them, as an overlay has it. */
  unmount(): string {
    if (!this.#mounted.disposed) this.#targets.removeUnused();
    this.#mounted.dispose();
    return this.#overlay.upper;
  }

  [Symbol.dispose](): void {
    this.#mounted.dispose();
    removeTree(this.#folder);
  }

  async #prepare(step: RunStep): Promise<void> {
    const { root } = this.#overlay;
    const { surroundings, work, snapshots, ownMounts } = this.#parts;
    const options = await this.#withDevices(this.#plainOptions(step), step);
    const mounts = new StepMounts({
      makeFolder: () => work.makeFolderIn(this.#folder),
      snapshots,
      ownMounts,
      overlay: this.#parts.overlay,
      noDevices: mustHideDevices(step.security === 'insecure', surroundings),
    });
    this.#mounted.use(mounts);
    const prepared = await mounts.prepare(step.mounts);
    const standard = standardTargets(options, surroundings);
    expectDirectories(root, standard);
    makeDirectories(root, step.cwd);
    for (const target of standard) this.#targets.add(target, 'directory');
    const network = this.#networkMounts(step);
    this.#options = { ...options, mounts: [...network, ...this.#placed(prepared), ...options.mounts] };
  }

  async #withDevices(options: ContainerOptions, { devices, onOutput }: RunStep): Promise<ContainerOptions> {
    if (devices === undefined) return options;
    const { additionsOf, editsFor, kindOf } = await import('./cdi/index.js');
    const missing: string[] = [];
    const edits = editsFor(devices, (name) => missing.push(name));
    for (const name of missing) await onOutput('stderr', Buffer.from(`berth: no device ${name} here\n`));
    const additions = additionsOf(edits, this.#parts.surroundings);
    const mounts = additions.mounts.map((mount) => {
      // What lies on a mount of the runtime's own is made by that.
      const isInDev = mount.destination.startsWith('/dev/');
      const destination = isInDev ? mount.destination : this.#targets.add(mount.destination, kindOf(mount));
      return { ...mount, destination };
    });
    const { user } = options;
    return {
      ...options,
      env: withVariables(options.env, additions.env),
      user: { ...user, groups: [...user.groups, ...additions.groups] },
      mounts,
      additions,
    };
  }

  #plainOptions(step: RunStep): ContainerOptions {
    const { root } = this.#overlay;
    const { surroundings } = this.#parts;
    const id = basename(dirname(this.#folder)) + basename(this.#folder);
    return {
      rootfs: root,
      args: step.args,
      env: step.env,
      cwd: step.cwd,
      user: findUser(step.user, textsOf(root)),
      hostname: step.hostname,
      terminal: false,
      network: networkOf(step),
      privileged: step.security === 'insecure',
      mounts: [],
      ...(step.shmBytes !== undefined && { shmBytes: step.shmBytes }),
      rlimits: rlimits(step.ulimits, { mayRaise: mayRaiseLimits(surroundings) }),
      ...(surroundings.cgroups !== 'none' && { cgroupsPath: join('/', step.cgroupParent ?? 'berth', id) }),
    };
  }

  #placed(mounts: ReadonlyMap<string, PreparedMount>): SpecMount[] {
    return Array.from(mounts, ([target, { kind, spec }]) => {
      const destination = this.#targets.add(target, kind);
      if (spec.type !== 'tmpfs') return { ...spec, destination };
      const { mode } = statSync(join(this.#overlay.root, destination));
      return { ...spec, destination, options: [...spec.options, `mode=${(mode & 0o7777).toString(8)}`] };
    });
  }

  #networkMounts(step: RunStep): SpecMount[] {
    const files = [
      ['/etc/hosts', hostsFile(step.hostname, step.addHosts)],
      ['/etc/resolv.conf', resolvConf(networkOf(step))],
    ] as const;
    return files.map(([target, text]) => {
      const source = join(this.#folder, basename(target));
      writeFileSync(source, text);
      chmodSync(source, 0o644);
      const destination = this.#targets.add(target, 'file');
      return { destination, type: 'bind', source, options: ['rbind', 'rprivate', 'ro'] };
    });
  }

  #bundle(options: ContainerOptions | undefined, signal: AbortSignal): ContainerRun {
    if (!options) throw new TypeError('a container that was not prepared cannot run');
    const bundle = this.#parts.work.makeFolderIn(this.#folder);
    // Its environment may hold secrets, which never come to a disk.
    this.#parts.ownMounts.mountMemory(bundle);
    this.#mounted.defer(() => this.#parts.ownMounts.unmount(bundle));
    const spec = containerSpec(options, this.#parts.surroundings);
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
    return { id: basename(this.#folder), bundle, signal };
  }
}

function networkOf({ network }: RunStep): 'host' | 'none' {
  return network === 'none' ? 'none' : 'host';
}

/** Of two variables of one name a program may see either. */
function withVariables(env: readonly string[], more: readonly string[]): string[] {
  const nameOf = (pair: string) => pair.slice(0, pair.indexOf('='));
  const names = new Set(more.map(nameOf));
  return [...env.filter((pair) => !names.has(nameOf(pair))), ...more];
}

function mayRaiseLimits({ ids, capabilities }: Surroundings): boolean {
  return ids === 'machine' && capabilities.has('CAP_SYS_RESOURCE');
}
