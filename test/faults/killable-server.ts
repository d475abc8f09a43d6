import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { BERTH } from '../support/berth-process.js';
import { freePort } from '../support/free-port.js';
import { answers } from '../support/http.js';
import { cleanEnvironment } from '../support/run.js';
import { ServerProcess } from '../support/server-process.js';

/** A server that is started again and again on the same data, at the same address. */
export class KillableServer implements AsyncDisposable {
  readonly url: string;
  readonly root: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #arguments: readonly string[];
  #process: ServerProcess | undefined;

  private constructor(folder: string, port: number, args: readonly string[]) {
    this.#folder = folder;
    this.#port = port;
    this.#arguments = args;
    this.root = join(folder, 'data');
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param options `args` for `berth serve`, beside its configuration. */
  static async create(
    folder: string,
    { args = [], logLevel = 'warn' }: { args?: readonly string[]; logLevel?: string } = {},
  ): Promise<KillableServer> {
    const server = new KillableServer(folder, await freePort(), args);
    await mkdir(server.root, { recursive: true });
    await writeFile(
      join(folder, 'config.yml'),
      stringify({
        version: 0.1,
        log: { level: logLevel, accesslog: { disabled: true } },
        storage: {
          filesystem: { rootdirectory: server.root },
          delete: { enabled: true },
          // Killed often enough, a server would otherwise begin to purge what its clients still need.
          maintenance: { uploadpurging: { enabled: false } },
        },
        http: { addr: `127.0.0.1:${server.#port}` },
        berth: { minfreespace: 0 },
      }),
    );
    return server;
  }

  get config(): string {
    return join(this.#folder, 'config.yml');
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  get output(): string {
    return this.#process?.output ?? '';
  }

  async start(): Promise<void> {
    this.#process = await this.#spawn(() => answers(`${this.url}/v2/`));
  }

  /** Starts it, and kills it before anyone can know whether it is ready. */
  async startAndKill(afterMs: number): Promise<void> {
    this.#process = await this.#spawn(async () => {
      await sleep(afterMs);
      return true;
    });
    await this.kill();
  }

  /** SIGKILL at once; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }

  async stop(): Promise<number | NodeJS.Signals | undefined> {
    return this.#process?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #spawn(isReady: () => Promise<boolean>): Promise<ServerProcess> {
    await this.kill(); // what a failed test left running
    return ServerProcess.start({
      command: [BERTH, 'serve', this.config, ...this.#arguments],
      cwd: this.#folder,
      env: cleanEnvironment(),
      isReady,
    });
  }
}
