import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

/** A containerd of its own, asked through its client `ctr`. It speaks to registries as newer dockers do. Needs root. */
export class ContainerdDaemon implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #process: ServerProcess;

  private constructor(folder: TemporaryFolder, process: ServerProcess) {
    this.#folder = folder;
    this.#process = process;
  }

  static async start(): Promise<ContainerdDaemon> {
    const folder = await temporaryFolder('containerd');
    const { path } = folder;
    const config = join(path, 'config.toml');
    try {
      await writeFile(config, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
      const places = [`--root=${path}/root`, `--state=${path}/state`, `--address=${socketIn(path)}`];
      const process = await ServerProcess.start({
        command: ['containerd', `--config=${config}`, ...places],
        cwd: path,
        isReady: async () => {
          await run(['ctr', '--address', socketIn(path), 'version']);
          return true;
        },
      });
      return new ContainerdDaemon(folder, process);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For the files of tests. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Runs the client. */
  run(args: readonly string[]): Promise<string> {
    return run(['ctr', '--address', socketIn(this.folder), ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function socketIn(folder: string): string {
  return join(folder, 'containerd.sock');
}
