import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { CredentialError } from '../errors.js';
import type { Credentials } from './credentials.js';

/** The helper that a file names is not installed. */
export class MissingHelperError extends CredentialError {}

const MAX_OUTPUT_LENGTH = 64 * 1024;
/** People may have to unlock something first. */
const MAX_RUN_MS = 120_000;

/** A program `docker-credential-<name>` that keeps secrets. docker/docker-credential-helpers README.md. */
export class CredentialHelper {
  readonly program: string;
  readonly #env: NodeJS.ProcessEnv;

  /** @throws {CredentialError} a name that could mean another program. */
  constructor(name: string, env: NodeJS.ProcessEnv) {
    if (!/^[\w.-]+$/.test(name))
      throw new CredentialError(`not a name of a credential helper: ${JSON.stringify(name)}`);
    this.program = `docker-credential-${name}`;
    this.#env = env;
  }

  /** @returns `undefined` when it has none. */
  async get(server: string): Promise<Credentials | undefined> {
    const { code, output, notes } = await this.#run('get', server);
    if (code !== 0) {
      if (/credentials not found/i.test(output) || /credentials not found/i.test(notes)) return undefined;
      throw this.#failure(`has no credentials for ${server}`, notes || output);
    }
    const { Username: user, Secret: secret } = this.#parse(output);
    if (typeof user !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
    return user === '<token>' ? { identityToken: secret } : { user, password: secret };
  }

  async store(server: string, credentials: Credentials): Promise<void> {
    if ('registryToken' in credentials) throw this.#failure('cannot keep this kind of token', '');
    const [Username, Secret] =
      'user' in credentials
        ? [credentials.user, credentials.password]
        : ['<token>', credentials.identityToken];
    const { code, output, notes } = await this.#run(
      'store',
      JSON.stringify({ ServerURL: server, Username, Secret }),
    );
    if (code !== 0) throw this.#failure(`does not keep credentials for ${server}`, notes || output);
  }

  /** Having none is no failure. */
  async erase(server: string): Promise<void> {
    const { code, output, notes } = await this.#run('erase', server);
    if (code === 0 || /credentials not found/i.test(output + notes)) return;
    throw this.#failure(`does not erase the credentials for ${server}`, notes || output);
  }

  async #run(action: string, input: string): Promise<{ code: number | null; output: string; notes: string }> {
    const child = spawn(this.program, [action], {
      env: this.#env,
      timeout: MAX_RUN_MS,
      killSignal: 'SIGKILL',
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(this.#unstartable(error)));
      child.once('close', resolve);
    });
    child.stdin.on('error', () => {}); // it need not read what it is given
    child.stdin.end(input);
    const [code, output, notes] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    return { code, output: output.slice(0, MAX_OUTPUT_LENGTH), notes: notes.slice(0, MAX_OUTPUT_LENGTH) };
  }

  #parse(output: string): Readonly<Record<string, unknown>> {
    try {
      const value: unknown = JSON.parse(output);
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // said below, without what may be a secret
    }
    throw this.#failure('answered something that is not JSON', '');
  }

  #unstartable(error: NodeJS.ErrnoException): CredentialError {
    const options = { cause: error };
    if (error.code === 'ENOENT') return new MissingHelperError(`${this.program} is not installed`, options);
    return new CredentialError(`cannot start ${this.program}: ${error.message}`, options);
  }

  #failure(what: string, why: string): CredentialError {
    const reason = why.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
    return new CredentialError(`${this.program} ${what}${reason === '' ? '' : `: ${reason}`}`);
  }
}
