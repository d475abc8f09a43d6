import { mkdir } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BERTH } from './berth-process.js';
import { type CommandPrefix, cleanEnvironment, type RunOptions, run } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

export type EngineOptions = Readonly<{
  /** Of the command, as {@link NetworkNamespace} has one. */
  prefix?: CommandPrefix;
  flags?: readonly string[];
}>;

/** `berth engine` with images of its own, and the client of docker to call it with. */
export class EngineProcess implements AsyncDisposable {
  #process: ServerProcess;
  readonly #options: EngineOptions;
  readonly #folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder, process: ServerProcess, options: EngineOptions) {
    this.#folder = folder;
    this.#process = process;
    this.#options = options;
  }

  static async start(options: EngineOptions = {}): Promise<EngineProcess> {
    const folder = await temporaryFolder('engine');
    try {
      await mkdir(join(folder.path, 'client'));
      return new EngineProcess(folder, await startIn(folder.path, options), options);
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  get process(): ServerProcess {
    return this.#process;
  }

  /** Stops it, and starts another one in its place. */
  async restart(): Promise<void> {
    await this.#process.stop();
    this.#process = await startIn(this.#folder.path, this.#options);
  }

  /** For the files of tests. */
  path(...parts: readonly string[]): string {
    return join(this.#folder.path, ...parts);
  }

  get socketPath(): string {
    return socketIn(this.#folder.path);
  }

  /** Runs the client of docker. @returns what it printed. @throws {RunError} */
  docker(args: readonly string[], options: Omit<RunOptions, 'env'> = {}): Promise<string> {
    return run(['docker', ...args], { ...options, env: this.environment() });
  }

  /** Of {@link docker}. The classic builder is the one that every client has. */
  environment(): NodeJS.ProcessEnv {
    return cleanEnvironment({
      HOME: this.#folder.path,
      DOCKER_HOST: `unix://${this.socketPath}`,
      DOCKER_CONFIG: this.path('client'),
      DOCKER_BUILDKIT: '0',
    });
  }

  /** One request, without docker. */
  ask(method: string, url: string, body?: string | Uint8Array): Promise<EngineAnswer> {
    return ask(this.socketPath, method, url, body);
  }

  /** A connection for what is no ordinary request. */
  connect(): Socket {
    return connect({ path: this.socketPath, allowHalfOpen: true });
  }

  /** Removes all containers, and the networks and volumes that they had. */
  async clear(): Promise<void> {
    const ids = (await this.docker(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.docker(['rm', '-f', ...ids]);
    await this.docker(['network', 'prune', '-f']);
    await this.docker(['volume', 'prune', '-f', '--filter', 'all=true']);
  }

  /** Whoever has made containers clears them first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

export type EngineAnswer = Readonly<{ status: number; headers: IncomingMessage['headers']; text: string }>;

function startIn(path: string, { prefix = [], flags = [] }: EngineOptions): Promise<ServerProcess> {
  return ServerProcess.start({
    command: [...prefix, BERTH, 'engine', '-H', `unix://${socketIn(path)}`, ...flags],
    cwd: path,
    env: cleanEnvironment({ BERTH_ROOT: join(path, 'root'), HOME: path }),
    isReady: async () => (await ask(socketIn(path), 'GET', '/_ping')).status === 200,
  });
}

function socketIn(folder: string): string {
  return join(folder, 'engine.sock');
}

async function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: string | Uint8Array,
): Promise<EngineAnswer> {
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, method, path }, resolve).on('error', reject).end(body);
  });
  return { status: message.statusCode ?? 0, headers: message.headers, text: await text(message) };
}
