import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import path from 'node:path';
import { freePort } from '../test/support/free-port.ts';

/** A registry server that can be started with a config.yml. */
export type Program = Readonly<{ name: string; command: string; args: readonly string[]; version: string }>;

/** `storage` is that section's driver; `settings` are sections of the configuration that only some benchmarks have. */
export type ServerFolder = Readonly<{
  config: string;
  data: string;
  log: string;
  storage: string;
  settings: string;
}>;

const BERTH = path.join(import.meta.dirname, '..', 'src', 'cli', 'berth');
const REFERENCE = 'docker-registry';
const START_LIMIT_MS = 60_000;

/** @param workers processes that serve. @throws {Error} it is not installed, or not built. */
export function berth(workers = 1): Program {
  const version = versionOf(BERTH);
  if (workers === 1) return { name: 'berth', command: BERTH, args: [], version };
  return { name: `berth-${workers}-workers`, command: BERTH, args: ['--workers', String(workers)], version };
}

/** @param launcher `src/cli/berth` of another checkout, which is built. @throws {Error} it is not. */
export function anotherBerth(launcher: string): Program {
  return { name: 'berth-other', command: launcher, args: [], version: versionOf(launcher) };
}

/** CNCF distribution as Debian packages it. @throws {Error} it is not installed. */
export function reference(): Program {
  return { name: REFERENCE, command: REFERENCE, args: [], version: versionOf(REFERENCE) };
}

function versionOf(command: string): string {
  try {
    return execFileSync(command, ['--version'], { encoding: 'utf8' }).trim();
  } catch (error) {
    const hint =
      command === BERTH
        ? 'run npm run build first'
        : 'install the Debian package docker-registry, or use --berth-only';
    throw new Error(`cannot run ${path.basename(command)}: ${hint}`, { cause: error });
  }
}

/** Where a server keeps what it has, below `directory`, but for what `storage` puts elsewhere. */
export function serverFolder(
  directory: string,
  options: Readonly<{ storage?: string; settings?: string }> = {},
): ServerFolder {
  const data = path.join(directory, 'data');
  mkdirSync(data, { recursive: true });
  return {
    config: path.join(directory, 'config.yml'),
    data,
    log: path.join(directory, 'server.log'),
    storage: options.storage ?? `  filesystem:\n    rootdirectory: ${data}\n`,
    settings: options.settings ?? '',
  };
}

export class RunningServer {
  readonly program: Program;
  readonly folder: ServerFolder;
  readonly port: number;
  readonly pid: number;
  /** From the start of the process to the first 200 on /v2/. */
  readonly startSeconds: number;
  readonly #child: ChildProcess;

  private constructor(
    program: Program,
    folder: ServerFolder,
    started: { child: ChildProcess; pid: number; port: number; seconds: number },
  ) {
    this.program = program;
    this.folder = folder;
    this.port = started.port;
    this.pid = started.pid;
    this.startSeconds = started.seconds;
    this.#child = started.child;
  }

  static async start(program: Program, folder: ServerFolder): Promise<RunningServer> {
    const port = await freePort();
    configure(folder, port);
    const log = openSync(folder.log, 'a');
    const start = performance.now();
    const child = spawn(program.command, ['serve', folder.config, ...program.args], {
      stdio: ['ignore', log, log],
      // Berth's index of what is on S3.
      env: { ...environment(), XDG_CACHE_HOME: folder.data },
    });
    closeSync(log);
    await once(child, 'spawn');
    const { pid } = child;
    if (pid === undefined) throw new Error(`${program.name} has no process id`);
    try {
      await untilServing(port, child);
    } catch (error) {
      child.kill();
      const end = readFileSync(folder.log, 'utf8').slice(-2000);
      throw new Error(`${program.name} did not start:\n${end}`, { cause: error });
    }
    const seconds = (performance.now() - start) / 1000;
    return new RunningServer(program, folder, { child, pid, port, seconds });
  }

  /** The program that really runs, behind launchers. */
  get executable(): string {
    return `/proc/${this.pid}/exe`;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    const cut = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await once(this.#child, 'exit');
    clearTimeout(cut);
  }
}

/** @returns the file of the configuration, which is the same for both, word for word, but for the folder and the port. */
export function configure({ config, storage, settings }: ServerFolder, port = 5000): string {
  // The secret and the cache are what the reference's own packages set; without them it warns, and is slower.
  const text = `version: 0.1
log:
  level: info
storage:
  cache:
    blobdescriptor: inmemory
${storage}http:
  addr: 127.0.0.1:${port}
  secret: benchmark
${settings}`;
  writeFileSync(config, text);
  return config;
}

/** Without variables that would configure a registry, or its access to S3. */
export function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(REGISTRY|AWS)_/.test(name)));
}

async function untilServing(port: number, child: ChildProcess): Promise<void> {
  const start = performance.now();
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
    if (performance.now() - start > START_LIMIT_MS) throw new Error('no answer in time');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/v2/', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}
