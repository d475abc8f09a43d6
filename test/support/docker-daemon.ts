import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkNamespace } from './network-namespace.js';
import { cleanEnvironment, run } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

/** Debian's client speaks to BuildKit by itself; clients from elsewhere want the buildx plugin for it. */
const DEBIAN_DOCKER = '/usr/bin/docker';

/** A dockerd of its own, with images, logins and a network namespace of its own. Needs root. */
export class DockerDaemon implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #process: ServerProcess;
  readonly #namespace: NetworkNamespace;

  private constructor(folder: TemporaryFolder, process: ServerProcess, namespace: NetworkNamespace) {
    this.#folder = folder;
    this.#process = process;
    this.#namespace = namespace;
  }

  static async start(
    namespace: NetworkNamespace,
    {
      insecureRegistries = [],
      registryMirrors = [],
      networks = false,
    }: {
      insecureRegistries?: readonly string[];
      registryMirrors?: readonly string[];
      /** Whether containers have networks: bridges and rules of the firewall, in the namespace. */
      networks?: boolean;
    } = {},
  ): Promise<DockerDaemon> {
    const folder = await temporaryFolder('docker');
    const { path } = folder;
    await mkdir(join(path, 'client'));
    const places = [`--data-root=${path}/data`, `--exec-root=${path}/exec`, `--pidfile=${path}/pid`];
    const network = networks ? [] : ['--bridge=none', '--iptables=false', '--ip6tables=false'];
    const insecure = insecureRegistries.map((registry) => `--insecure-registry=${registry}`);
    const mirrors = registryMirrors.map((mirror) => `--registry-mirror=${mirror}`);
    try {
      const process = await ServerProcess.start({
        command: [
          ...namespace.prefix,
          'dockerd',
          `--host=${socketIn(path)}`,
          ...places,
          ...network,
          ...insecure,
          ...mirrors,
        ],
        cwd: path,
        startTimeoutMs: 60_000,
        isReady: async () => {
          await run(['docker', '--host', socketIn(path), 'version'], { env: environment(path) });
          return true;
        },
      });
      return new DockerDaemon(folder, process, namespace);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** For the files of tests. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Where it listens. */
  get socketPath(): string {
    return join(this.folder, 'docker.sock');
  }

  /** Runs the docker client, beside the daemon: some of its commands ask the registry themselves. */
  run(
    args: readonly string[],
    { buildKit = false, ...options }: { input?: string; timeoutMs?: number; buildKit?: boolean } = {},
  ): Promise<string> {
    const docker = buildKit ? DEBIAN_DOCKER : 'docker';
    const command = [...this.#namespace.prefix, docker, '--host', socketIn(this.folder), ...args];
    return run(command, { ...options, env: environment(this.folder, { buildKit }) });
  }

  /** Its own containerd goes with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    // It forgets the network of containers that shared its own.
    await run(['umount', join(this.folder, 'exec/netns/default')]).catch(() => {});
    await this.#folder[Symbol.asyncDispose]();
  }
}

function socketIn(folder: string): string {
  return `unix://${folder}/docker.sock`;
}

/** The classic builder is the one that every client has. */
function environment(folder: string, { buildKit = false } = {}): NodeJS.ProcessEnv {
  const DOCKER_BUILDKIT = buildKit ? '1' : '0';
  return cleanEnvironment({ HOME: folder, DOCKER_CONFIG: `${folder}/client`, DOCKER_BUILDKIT });
}
