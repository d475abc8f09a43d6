import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findRuntime, type MachineOptions } from '../machine.js';
import { Networks, networksPlace } from '../networks/index.js';
import { RuntimeDatabase } from '../runtime-database.js';
import { runtimeDirectory } from '../runtime-directory.js';
import { RuntimeEvents } from '../runtime-events.js';
import { Volumes } from '../volumes/index.js';
import type { HostConfig } from './configuration.js';
import { ContainerFolder } from './container-folder.js';
import type { ContainerRecord } from './container-record.js';
import { ContainerStore } from './container-store.js';
import type { ContainerImages } from './images.js';
import { OciControl } from './oci-control.js';
import { type IDChoice, ownerOfIDs } from './own-ids.js';

export type ContainerHostOptions = Readonly<{
  /** $BERTH_ROOT. */
  root: string;
  images: ContainerImages;
  /** A program to use instead of the crun or runc in the path. */
  runtime?: string;
  overlay?: MachineOptions['overlay'];
  /** Where what ends with the machine's boot is: /run. */
  runDirectory: string;
  /** Whether root has it, rather than an ordinary user who is root of a user namespace. */
  isForMachine: boolean;
  /** Whose subordinate ids containers have that do not say otherwise, `USER[:GROUP]`; the machine's, if nobody's. */
  idsOf?: string | undefined;
  /** The command that cleans up after a container when nobody else is there to: ContainerHost.cleanUp. */
  cleanUpCommand: (id: string) => readonly string[];
  /** Told, in words for a person, of what is not as it was asked for. */
  onNotice?: (text: string) => void;
}>;

/** Ids of what is there, as looked for once for all containers. */
export type Traces = Readonly<{
  /** A directory or a lock. */
  ids: ReadonlySet<string>;
  /** A directory, among other names. */
  folders: ReadonlySet<string>;
  /** The runtime knows of it. */
  made: ReadonlySet<string>;
  /** It has networks. */
  attached: ReadonlySet<string>;
}>;

const ID_LENGTH = 64;

/** What all that is done with containers works on: the database, the directories, the runtime's program. */
export class HostParts implements Disposable {
  readonly store: ContainerStore;
  readonly events: RuntimeEvents;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly images: ContainerImages;
  readonly cleanUpCommand: ContainerHostOptions['cleanUpCommand'];
  /** Where the runtime notes which containers there are. */
  readonly stateDirectory: string;
  readonly machineOptions: MachineOptions;
  readonly #ids: IDChoice;
  readonly #db: RuntimeDatabase;
  /** Locked by whoever checks the health of containers. */
  readonly healthLock: string;
  readonly #directory: string;
  readonly #onNotice: ContainerHostOptions['onNotice'];

  /** @throws when the directory cannot be used. */
  constructor(options: ContainerHostOptions) {
    const { root, images, runtime, overlay, runDirectory, isForMachine, idsOf, cleanUpCommand, onNotice } =
      options;
    this.#directory = join(root, 'containers');
    this.stateDirectory = join(runtimeDirectory(root, runDirectory), 'runtime');
    // Programs that containers have made setuid are in it: for nobody else on this machine to reach.
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.healthLock = join(this.#directory, 'health.lock');
    this.#db = new RuntimeDatabase(root);
    this.store = new ContainerStore(this.#db);
    this.events = new RuntimeEvents(this.#db);
    this.volumes = new Volumes(this.#db, { directory: join(root, 'volumes') });
    this.networks = new Networks(this.#db, { ...networksPlace(root, runDirectory), isForMachine });
    this.images = images;
    this.cleanUpCommand = cleanUpCommand;
    this.machineOptions = {
      root,
      asksForCgroups: true,
      ...(runtime !== undefined && { runtime }),
      ...(overlay && { overlay }),
    };
    this.#ids = { isForMachine, idsOf };
    this.#onNotice = onNotice;
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  /** What there is of containers, also of what is none, or none yet: by ids. */
  traces(): Traces {
    const names = readdirSync(this.#directory);
    const idOf = (name: string) => (name.length > ID_LENGTH ? name.slice(0, ID_LENGTH) : name);
    return {
      ids: new Set(names.map(idOf).filter((id) => /^[0-9a-f]{64}$/.test(id))),
      folders: new Set(names),
      made: new Set(existsSync(this.stateDirectory) ? readdirSync(this.stateDirectory) : []),
      attached: new Set(this.networks.attached()),
    };
  }

  folder(id: string): ContainerFolder {
    return new ContainerFolder(this.#directory, id);
  }

  /** The runtime's commands for containers that run. Which program that is may change while a service lives. */
  async control(): Promise<OciControl> {
    const program = await findRuntime(this.machineOptions);
    mkdirSync(this.stateDirectory, { recursive: true, mode: 0o700 });
    return new OciControl(program, this.stateDirectory);
  }

  /** Starts what cleans up after a container, in the background, where its monitor cannot. */
  startCleanUp(id: string): void {
    const [program = '', ...args] = this.cleanUpCommand(id);
    const child = spawn(program, args, { cwd: '/', stdio: 'ignore', detached: true });
    child.on('error', (error) => this.notice(`container ${id} cannot be started again: ${error.message}`));
    child.unref();
  }

  /** Whose ids a new container is to have: as in its record. @throws {InvalidContainerError} @throws {RuntimeUnavailableError} */
  ownerOfIDs(hostConfig: HostConfig): string | undefined {
    return ownerOfIDs(hostConfig, this.#ids);
  }

  notice(text: string): void {
    this.#onNotice?.(text);
  }

  post(record: ContainerRecord, action: string, more: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...record.config.Labels, image: record.image.name, name: record.name, ...more };
    this.events.post({ type: 'container', action, actor: record.id, attributes });
  }
}
