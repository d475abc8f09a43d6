import { existsSync, readFileSync, statSync } from 'node:fs';
import { BuildError, type Credentials } from '../builder/index.js';
import { parseSpec, splitPair } from './build-flags.js';
import type { KeyFile, SshAgent } from './build-ssh-agent.js';
import { UsageError } from './failure.js';

const MAX_SECRET_BYTES = 500 * 1024;

/** An agent that runs already, or keys for one of our own. */
type AgentSource = Readonly<{ socket: string }> | Readonly<{ keys: readonly KeyFile[] }>;
type SecretSource = Readonly<{ file: string }> | Readonly<{ variable: string }>;

/** What `--secret` and `--ssh` offer to the build. Read when a step asks for it. */
export class GivenCredentials implements Credentials, AsyncDisposable {
  readonly #secrets: ReadonlyMap<string, SecretSource>;
  readonly #agents: ReadonlyMap<string, AgentSource>;
  readonly #started = new Map<string, Promise<SshAgent>>();
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

  /** Keys get an agent when the first step asks for them. */
  async ssh(id: string): Promise<string | undefined> {
    const source = this.#agents.get(id);
    if (source === undefined || 'socket' in source) return source?.socket;
    let agent = this.#started.get(id);
    if (agent === undefined) {
      const { SshAgent } = await import('./build-ssh-agent.js');
      agent = this.#started.get(id) ?? SshAgent.start(source.keys);
      this.#started.set(id, agent);
    }
    return (await agent).socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const starting of this.#started.values()) {
      const agent = await starting.catch(() => undefined); // whoever asked for it was told
      agent?.[Symbol.dispose]();
    }
    this.#started.clear();
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

/** `default`, `id=socket`, or `id=key[,key]`. */
function parseAgent(text: string, env: NodeJS.ProcessEnv): [string, AgentSource] {
  const [id, given] = splitPair(text);
  const paths = given?.split(',') ?? [env.SSH_AUTH_SOCK ?? ''];
  const [first = ''] = paths;
  if (given === undefined && first === '')
    throw new UsageError(`--ssh ${text}: no agent runs here ($SSH_AUTH_SOCK is not set)`);
  const isSocket = statSync(first, { throwIfNoEntry: false })?.isSocket() === true;
  if (isSocket && paths.length === 1) return [id || 'default', { socket: first }];
  return [id || 'default', { keys: paths.map((path) => readKey(path, text)) }];
}

const MAX_KEY_BYTES = 64 * 1024;

function readKey(path: string, text: string): KeyFile {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`--ssh ${text}: there is no file or socket ${path}`);
  const content = stats.isFile() && stats.size <= MAX_KEY_BYTES ? readFileSync(path) : Buffer.alloc(0);
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(content.toString('latin1'))) return { path, content };
  throw new UsageError(`--ssh ${text}: ${path} is neither the socket of an agent nor a private key`);
}
