import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from './free-port.js';
import { answers } from './http.js';
import { type CommandPrefix, cleanEnvironment } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

const REPOSITORY = new URL('../..', import.meta.url).pathname;
/** The program as users start it. */
export const BERTH = join(REPOSITORY, 'src/cli/berth');

export type BerthOptions = Readonly<{
  /** Settings for config.yml, over those that the tests need: address, root directory, deleting. */
  config?: Readonly<Record<string, unknown>>;
  /** The text of config.yml, as it stands. Address and root directory still come from variables. */
  configText?: string;
  /** Variables such as REGISTRY_STORAGE_DELETE_ENABLED; `undefined` takes one away. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Where the data is; otherwise in a folder that goes away with the process. */
  root?: string;
  /** Address to listen on, and to be called by. */
  host?: string;
  port?: number;
  /** Runs in another network namespace, for example. */
  prefix?: CommandPrefix;
  /** Whether to be called by https. */
  tls?: boolean;
}>;

/** A Berth server in a process of its own, ready to answer. */
export class BerthProcess implements AsyncDisposable {
  /** `host:port`, as clients write it in the names of images. */
  readonly address: string;
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  /** Its root directory: `docker/registry/v2` is below. */
  readonly root: string;
  /** Its config.yml, there as long as this is not disposed of. */
  readonly config: string;
  readonly process: ServerProcess;
  readonly #folder: TemporaryFolder;

  private constructor(
    place: Pick<BerthProcess, 'address' | 'url' | 'root' | 'config' | 'process'>,
    folder: TemporaryFolder,
  ) {
    this.address = place.address;
    this.url = place.url;
    this.root = place.root;
    this.config = place.config;
    this.process = place.process;
    this.#folder = folder;
  }

  /** @throws {Error} with what it printed, when it does not start. */
  static async start(options: BerthOptions = {}): Promise<BerthProcess> {
    if (!existsSync(join(REPOSITORY, 'dist/berth.cjs'))) {
      throw new Error('dist/berth.cjs is missing; node .ci/build.mjs makes it');
    }
    const { host = '127.0.0.1', port = await freePort(), prefix = [], tls = false } = options;
    const folder = await temporaryFolder();
    const { root = join(folder.path, 'data') } = options;
    const config = join(folder.path, 'config.yml');
    const address = `${host}:${port}`;
    const url = `${tls ? 'https' : 'http'}://${address}`;
    try {
      await mkdir(root, { recursive: true });
      await writeFile(config, options.configText ?? configText(options.config));
      const process = await ServerProcess.start({
        command: [...prefix, BERTH, 'serve', config],
        cwd: folder.path,
        env: cleanEnvironment({
          REGISTRY_HTTP_ADDR: address,
          REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root,
          ...options.env,
        }),
        isReady: () => answers(`${url}/v2/`),
      });
      return new BerthProcess({ address, url, root, config, process }, folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.process.pid;
  }

  /** What it wrote to stdout and stderr so far. */
  get output(): string {
    return this.process.output;
  }

  /** Ends the process, and leaves the data. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    return this.process.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function configText(config: Readonly<Record<string, unknown>> = {}): string {
  return stringify({
    version: 0.1,
    storage: { filesystem: {}, delete: { enabled: true } },
    http: { addr: '127.0.0.1:0' },
    ...config,
  });
}
