import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BERTH } from '../support/berth-process.js';
import { cleanEnvironment, RunError, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** A folder with a local store of its own, where builds are run as users run them. */
export class BuildPlace implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  #contexts = 0;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
  }

  static async create(name: string): Promise<BuildPlace> {
    return new BuildPlace(await temporaryFolder(name));
  }

  get folder(): string {
    return this.#folder.path;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** The environment of {@link berth}. @param store the name of another store than the usual one. */
  environment(more: Readonly<Record<string, string>> = {}, store = 'root'): NodeJS.ProcessEnv {
    return cleanEnvironment({ BERTH_ROOT: this.path(store), ...more });
  }

  berth(...args: readonly string[]): Promise<string> {
    return run([BERTH, ...args], { env: this.environment() });
  }

  /** What the command said when it failed. @throws when it did not. */
  async failure(...args: readonly string[]): Promise<RunError> {
    const error = await this.berth(...args).catch((reason: unknown) => reason);
    if (error instanceof RunError) return error;
    throw new Error(`berth ${args.join(' ')} was expected to fail`);
  }

  /** A new directory with files in it. */
  async context(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    this.#contexts += 1;
    const context = this.path(`context-${this.#contexts}`);
    await mkdir(context);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(context, path)), { recursive: true });
      await writeFile(join(context, path), content);
    }
    return context;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}
