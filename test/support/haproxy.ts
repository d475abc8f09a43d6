import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { answers } from './http.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

const SHIPPED = new URL('../../config/replicas/haproxy.cfg', import.meta.url);

/** HAProxy as config/replicas sets it up, in front of servers on this machine. */
export class HaProxy implements AsyncDisposable {
  readonly url: string;
  readonly #folder: TemporaryFolder;
  #process: ServerProcess | undefined;

  private constructor(folder: TemporaryFolder, port: number) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param servers `host:port` of each; one of them must answer. */
  static async start(servers: readonly string[]): Promise<HaProxy> {
    const folder = await temporaryFolder('haproxy');
    const port = await freePort();
    const proxy = new HaProxy(folder, port);
    const shipped = await readFile(SHIPPED, 'utf8');
    const config = shipped
      .replace('bind :5000', `bind 127.0.0.1:${port}`)
      // There is no docker to ask for names.
      .replace(/^resolvers docker\n.*\n/m, '')
      .replace(' resolvers docker init-addr last,libc,none', '')
      .replace(/ (berth-\d) \1:5000$/gm, (_, name: string) => ` ${name} ${servers[Number(name.at(-1)) - 1]}`);
    await writeFile(join(folder.path, 'haproxy.cfg'), config);
    try {
      await proxy.startAgain();
      return proxy;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** After it was stopped or killed. */
  async startAgain(): Promise<void> {
    this.#process = await ServerProcess.start({
      command: ['haproxy', '-db', '-f', join(this.#folder.path, 'haproxy.cfg')],
      cwd: this.#folder.path,
      isReady: () => answers(this.url),
    });
  }

  /** Resolves once it sends requests to the server again, if it ever stopped to. @param server its place in the list. */
  async seesAgain(server: number, patienceMs = 30_000): Promise<void> {
    const said = new RegExp(`Server replicas/berth-${server + 1} is (UP|DOWN)`, 'g');
    const giveUp = performance.now() + patienceMs;
    while ([...this.output.matchAll(said)].at(-1)?.[1] === 'DOWN') {
      if (performance.now() > giveUp)
        throw new Error(`HAProxy does not see server ${server}: ${this.output}`);
      await sleep(50);
    }
  }

  get output(): string {
    return this.#process?.output ?? '';
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#process?.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await this.#folder[Symbol.asyncDispose]();
  }
}
