import { existsSync, readFileSync, statSync } from 'node:fs';
import { BuildError, type Credentials } from '../builder/index.js';
import { parseSpec, splitPair } from './build-flags.js';
import { UsageError } from './failure.js';

const MAX_SECRET_BYTES = 500 * 1024;

type SecretSource = Readonly<{ file: string }> | Readonly<{ variable: string }>;

/** What `--secret` and `--ssh` offer to the build. Read when a step asks for it. */
export class GivenCredentials implements Credentials {
  readonly #secrets: ReadonlyMap<string, SecretSource>;
  readonly #agents: ReadonlyMap<string, string>;
  readonly #env: NodeJS.ProcessEnv;

  constructor(
    { secret, ssh }: Readonly<{ secret: readonly string[]; ssh: readonly string[] }>,
    env: NodeJS.ProcessEnv,
  ) {
    this.#env = env;
    this.#secrets = new Map(secret.map((text) => parseSecret(text, env)));
    this.#agents = new Map(ssh.map((text) => parseAgent(text, env)));
  }

  async secret(id: string): Promise<Buffer | undefined> {
    const source = this.#secrets.get(id);
    if (source === undefined) return undefined;
    if ('variable' in source) {
      const value = this.#env[source.variable];
      return value === undefined ? undefined : checkSize(id, Buffer.from(value));
    }
    return checkSize(id, readFileSync(source.file));
  }

  /** What git and http may be given: `GIT_AUTH_TOKEN`, `HTTP_AUTH_HEADER_<host>` and so on. */
  async forFetching(): Promise<ReadonlyMap<string, string>> {
    const secrets = new Map<string, string>();
    for (const id of this.#secrets.keys()) {
      const content = /^(GIT|HTTP)_AUTH_/.test(id) ? await this.secret(id) : undefined;
      if (content !== undefined) secrets.set(id, content.toString('utf8').trim());
    }
    return secrets;
  }

  async ssh(id: string): Promise<string | undefined> {
    return this.#agents.get(id);
  }
}

function checkSize(id: string, content: Buffer): Buffer {
  if (content.length <= MAX_SECRET_BYTES) return content;
  throw new BuildError(`secret ${id} has ${content.length} bytes, more than ${MAX_SECRET_BYTES}`);
}

/** `id=name[,src=file|env=VARIABLE]`: with neither, the variable of that name, or else the file. */
function parseSecret(text: string, env: NodeJS.ProcessEnv): [string, SecretSource] {
  const spec = parseSpec(text);
  const id = spec.get('id') ?? (spec.size === 1 && !text.includes('=') ? text : undefined);
  if (id === undefined || id === '') throw new UsageError(`--secret ${text}: id= is missing`);
  const file = spec.get('src') ?? spec.get('source');
  const variable = spec.get('env') ?? (spec.get('type') === 'env' ? (file ?? id) : undefined);
  if (variable !== undefined) return [id, { variable }];
  if (file === undefined && spec.get('type') !== 'file' && env[id] !== undefined)
    return [id, { variable: id }];
  const path = file ?? id;
  if (!existsSync(path)) throw new UsageError(`--secret ${text}: there is no file ${path}`);
  return [id, { file: path }];
}

/** `default`, or `id=socket`. */
function parseAgent(text: string, env: NodeJS.ProcessEnv): [string, string] {
  const [id, given] = splitPair(text);
  const socket = given ?? env.SSH_AUTH_SOCK;
  if (socket === undefined)
    throw new UsageError(`--ssh ${text}: no agent runs here ($SSH_AUTH_SOCK is not set)`);
  if (statSync(socket, { throwIfNoEntry: false })?.isSocket() !== true) {
    throw new UsageError(
      `--ssh ${text}: ${socket} is no socket of an agent; load keys into one with ssh-add`,
    );
  }
  return [id || 'default', socket];
}
