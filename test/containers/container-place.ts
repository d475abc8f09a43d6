import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { type CommandPrefix, cleanEnvironment, type RunOptions, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

export type Ended = Readonly<{ code: number; stdout: string; stderr: string }>;

/**
 * Containers of their own, in a network of their own, and one image: `box`, of busybox, with the users root and daemon.
 */
export class ContainerPlace implements AsyncDisposable {
  readonly root: string;
  readonly #folder: TemporaryFolder;
  readonly #network: NetworkNamespace;

  static async create(): Promise<ContainerPlace> {
    const place = new ContainerPlace(await temporaryFolder(), await NetworkNamespace.create());
    await place.run(['import', '-c', 'CMD ["sh"]', await writeBusyboxRoot(place.#folder.path), 'box']);
    return place;
  }

  private constructor(folder: TemporaryFolder, network: NetworkNamespace) {
    this.#folder = folder;
    this.#network = network;
    this.root = `${folder.path}/root`;
  }

  get env(): NodeJS.ProcessEnv {
    return cleanEnvironment({ BERTH_ROOT: this.root });
  }

  /** For files of a test. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Of its network, also from outside. */
  get address(): string {
    return this.#network.address;
  }

  /** To be put before what makes containers: their bridges and rules stay in the network of the test. */
  get prefix(): CommandPrefix {
    return this.#network.prefix;
  }

  /** Runs a program that is not Berth in the network of the test. */
  inside(command: readonly string[]): Promise<string> {
    return this.#network.run(command);
  }

  /** @returns what it printed. */
  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run([...this.prefix, BERTH, ...args], { ...options, env: { ...this.env, ...options.env } });
  }

  /** Whatever its exit code. */
  async tryRun(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    try {
      return { code: 0, stdout: await this.run(args, options), stderr: '' };
    } catch (error) {
      const { code, stdout, stderr } = error as Ended;
      return { code, stdout, stderr };
    }
  }

  /** Removes all containers, and the networks and volumes that they had. */
  async clear(): Promise<void> {
    await this.#removeContainers();
    await this.run(['network', 'prune', '-f']);
    await this.run(['volume', 'prune', '-af']);
  }

  async #removeContainers(): Promise<void> {
    const ids = (await this.run(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.run(['rm', '-f', ...ids]);
  }

  /** Removes all containers, and what the tests made. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#removeContainers();
    await this.#folder[Symbol.asyncDispose]();
    await this.#network[Symbol.asyncDispose]();
  }
}
