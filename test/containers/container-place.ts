import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { cleanEnvironment, type RunOptions, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

export type Ended = Readonly<{ code: number; stdout: string; stderr: string }>;

/** Containers of their own, and one image: `box`, of busybox, with the users root and daemon. */
export class ContainerPlace implements AsyncDisposable {
  readonly root: string;
  readonly #folder: TemporaryFolder;

  static async create(): Promise<ContainerPlace> {
    const folder = await temporaryFolder();
    const place = new ContainerPlace(folder);
    await place.run(['import', '-c', 'CMD ["sh"]', await writeBusyboxRoot(folder.path), 'box']);
    return place;
  }

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
    this.root = `${folder.path}/root`;
  }

  get env(): NodeJS.ProcessEnv {
    return cleanEnvironment({ BERTH_ROOT: this.root });
  }

  /** @returns what it printed. */
  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run([BERTH, ...args], { ...options, env: { ...this.env, ...options.env } });
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

  /** Removes all containers, and what the tests made. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ids = (await this.run(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.run(['rm', '-f', ...ids]);
    await this.#folder[Symbol.asyncDispose]();
  }
}
