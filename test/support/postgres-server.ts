import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.js';
import { createAuthority } from './private-authority.js';
import { type CommandPrefix, run } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

/** Where Debian's packages put programs that are not in the path, in a folder for each version. */
const VERSIONS = '/usr/lib/postgresql';
/** For data that nobody needs after the test; a server that is killed loses nothing of it either. */
const QUICK = ['fsync=off', 'full_page_writes=off', 'max_connections=200', 'listen_addresses=127.0.0.1'];

/** A PostgreSQL server of the test's own, from Debian's package. Takes two seconds to start. */
export class PostgresServer implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #port: number;
  readonly #programs: string;
  readonly #password = randomBytes(12).toString('hex');
  #process: ServerProcess | undefined;

  private constructor(folder: TemporaryFolder, { port, programs }: { port: number; programs: string }) {
    this.#folder = folder;
    this.#port = port;
    this.#programs = programs;
  }

  static async start(): Promise<PostgresServer> {
    const folder = await temporaryFolder('postgres');
    try {
      const [newest] = (await readdir(VERSIONS)).sort((a, b) => Number(b) - Number(a));
      const server = new PostgresServer(folder, {
        port: await freePort(),
        programs: join(VERSIONS, String(newest), 'bin'),
      });
      await writeFile(server.passwordFile, server.#password);
      await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
      if (isRoot()) await run(['chown', '-R', 'postgres', folder.path]);
      // Another order of names than that of their bytes, as a database may well have.
      const locale = ['-E', 'UTF8', '--locale-provider=icu', '--icu-locale=en', '--locale=C.UTF-8'];
      await run([
        ...server.#program('initdb'),
        ...['-D', server.#data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${server.passwordFile}`],
        ...['--no-sync', ...locale],
      ]);
      await server.startAgain();
      return server;
    } catch (error) {
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** After it was stopped or killed, on the same port with the same data. */
  async startAgain(): Promise<void> {
    const { path } = this.#folder;
    const tls = ['ssl=on', `ssl_cert_file=${path}/tls/server.crt`, `ssl_key_file=${path}/tls/server.key`];
    const settings = [`port=${this.#port}`, `unix_socket_directories=${path}`, ...tls, ...QUICK];
    this.#process = await ServerProcess.start({
      command: [
        ...this.#program('postgres'),
        '-D',
        this.#data,
        ...settings.flatMap((setting) => ['-c', setting]),
      ],
      cwd: this.#folder.path,
      isReady: async () => (await this.query('SELECT 1')).length === 1,
    });
  }

  /** @param signal `SIGINT` ends sessions at once, `SIGKILL` without a word. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Starts as a standby would that takes over: what it writes from here on is a timeline of its own. */
  async promote(): Promise<void> {
    await run([...this.#as, 'touch', join(this.#data, 'standby.signal')]);
    await this.startAgain();
    await this.query('SELECT pg_promote()');
  }

  url(database = 'postgres'): string {
    return `postgresql://postgres:${this.#password}@127.0.0.1:${this.#port}/${database}`;
  }

  /** For a URL without one. */
  get passwordFile(): string {
    return join(this.#folder.path, 'password');
  }

  /** @returns the URL of a new database. Takes half a second. */
  async createDatabase(name: string, options = ''): Promise<string> {
    await this.query(`CREATE DATABASE ${name} ${options}`);
    return this.url(name);
  }

  /** For those who want to know, or to break, what is in there. */
  async query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url() });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(sql, values && [...values])).rows;
    } finally {
      await client.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGQUIT');
    await this.#folder[Symbol.asyncDispose]();
  }

  /** Of the authority that vouches for it. */
  get caFile(): string {
    return join(this.#folder.path, 'tls/ca.crt');
  }

  get #data(): string {
    return join(this.#folder.path, 'data');
  }

  /** It refuses to run as root. */
  get #as(): CommandPrefix {
    return isRoot() ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : [];
  }

  #program(name: string): CommandPrefix {
    return [...this.#as, join(this.#programs, name)];
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
