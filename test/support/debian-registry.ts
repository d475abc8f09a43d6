import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from './free-port.js';
import { answers } from './http.js';
import { cleanEnvironment } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

export type DebianRegistryOptions = Readonly<{
  /** Where the data is; otherwise in a folder that goes away with the process. */
  root?: string;
  /** Settings over those of Debian's own file. */
  config?: Readonly<Record<string, unknown>>;
}>;

/** The reference registry, as Debian's docker-registry package brings it. */
export class DebianRegistry implements AsyncDisposable {
  readonly address: string;
  readonly url: string;
  readonly root: string;
  readonly process: ServerProcess;
  readonly #folder: TemporaryFolder;

  private constructor(place: Pick<DebianRegistry, 'address' | 'root' | 'process'>, folder: TemporaryFolder) {
    this.address = place.address;
    this.url = `http://${place.address}`;
    this.root = place.root;
    this.process = place.process;
    this.#folder = folder;
  }

  static async start(options: DebianRegistryOptions = {}): Promise<DebianRegistry> {
    const folder = await temporaryFolder('debian-registry');
    const { root = join(folder.path, 'data') } = options;
    const address = `127.0.0.1:${await freePort()}`;
    const config = join(folder.path, 'config.yml');
    try {
      await mkdir(root, { recursive: true });
      await writeFile(config, debianConfig({ root, address, ...options.config }));
      const process = await ServerProcess.start({
        command: ['docker-registry', 'serve', config],
        cwd: folder.path,
        // Its driver for S3 panics at authorities that are not PEM alone.
        env: cleanEnvironment({ OTEL_TRACES_EXPORTER: 'none', AWS_CA_BUNDLE: undefined }),
        isReady: () => answers(`http://${address}/v2/`),
      });
      return new DebianRegistry({ address, root, process }, folder);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** The config.yml that Debian's package installs, with another place for the data and another address. */
export function debianConfig(options: {
  root: string;
  address: string;
  auth?: object;
  [section: string]: unknown;
}): string {
  const { root, address, ...sections } = options;
  return stringify({
    version: 0.1,
    log: { fields: { service: 'registry' } },
    storage: {
      cache: { blobdescriptor: 'inmemory' },
      filesystem: { rootdirectory: root },
      delete: { enabled: true },
    },
    http: { addr: address, headers: { 'X-Content-Type-Options': ['nosniff'] } },
    health: { storagedriver: { enabled: true, interval: '10s', threshold: 3 } },
    ...sections,
  });
}
