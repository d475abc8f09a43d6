import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BerthProcess } from '../../support/berth-process.js';
import { DockerDaemon } from '../../support/docker-daemon.js';
import { EngineProcess } from '../../support/engine-process.js';
import { writeHtpasswd } from '../../support/htpasswd.js';
import { NetworkNamespace } from '../../support/network-namespace.js';
import { cleanEnvironment, RunError, run } from '../../support/run.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

export type Outcome = Readonly<{ code: number; stdout: string; stderr: string }>;

/** Who answers the client of docker. */
type SideName = 'docker' | 'berth';

/**
 * What lines of a scenario run on: a daemon, a folder, and at localhost:5000 a registry that wants the login of
 * `student`, all in a network of their own. Both sides have the version of the API that Debian's daemon knows.
 */
export class ScenarioSide implements AsyncDisposable {
  readonly #namespace: NetworkNamespace;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    place: Readonly<{ namespace: NetworkNamespace; env: NodeJS.ProcessEnv; folder: string }>,
    resources: AsyncDisposableStack,
  ) {
    this.#namespace = place.namespace;
    this.#env = place.env;
    this.#folder = place.folder;
    this.#resources = resources;
  }

  static async start(name: SideName): Promise<ScenarioSide> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await temporaryFolder('scenario'));
    const namespace = resources.use(await NetworkNamespace.create());
    const [socketPath] = await Promise.all([
      startDaemon(name, namespace, resources),
      startRegistry(namespace, home.path, resources),
    ]);
    const folder = join(home.path, 'work');
    await mkdir(folder);
    const env = cleanEnvironment({
      HOME: home.path,
      DOCKER_HOST: `unix://${socketPath}`,
      DOCKER_CONFIG: join(home.path, 'client'),
      DOCKER_API_VERSION: '1.41',
      DOCKER_BUILDKIT: '0',
      LC_ALL: 'C.UTF-8',
    });
    return new ScenarioSide({ namespace, env, folder }, resources.move());
  }

  /** Runs a line of shell, whatever its exit code: 124 after a minute, -1 when a signal ended it. */
  async run(line: string): Promise<Outcome> {
    const errors = join(this.#env.HOME ?? '', 'stderr');
    // timeout also ends what the shell has started, which would keep its output open.
    const limited = ['timeout', '-k', '1', '60', 'sh', '-c', `exec 2>${errors}\n${line}`];
    const command = [...this.#namespace.prefix, ...limited];
    const options = { cwd: this.#folder, env: this.#env };
    const ended = await run(command, options).then(
      (stdout) => ({ code: 0, stdout }),
      (error: unknown) => {
        if (!(error instanceof RunError)) throw error;
        return { code: error.code ?? -1, stdout: error.stdout };
      },
    );
    return { ...ended, stderr: await readFile(errors, 'utf8') };
  }

  /** Removes the containers first: what they hold is not seen by whoever removes folders. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('docker ps -aq | xargs -r docker rm -f');
    await this.#resources.disposeAsync();
  }
}

async function startDaemon(
  name: SideName,
  namespace: NetworkNamespace,
  resources: AsyncDisposableStack,
): Promise<string> {
  const daemon =
    name === 'docker'
      ? await DockerDaemon.start(namespace, { networks: true })
      : await EngineProcess.start({ prefix: namespace.prefix });
  return resources.use(daemon).socketPath;
}

async function startRegistry(namespace: NetworkNamespace, folder: string, resources: AsyncDisposableStack) {
  const path = join(folder, 'htpasswd');
  await writeHtpasswd(path, { student: 'secret' });
  const config = { auth: { htpasswd: { realm: 'course', path } } };
  // On all addresses: tests look from outside whether it is ready, clients use localhost:5000.
  const { address: host, prefix } = namespace;
  resources.use(
    await BerthProcess.start({ host, port: 5000, prefix, config, env: { REGISTRY_HTTP_ADDR: ':5000' } }),
  );
}
