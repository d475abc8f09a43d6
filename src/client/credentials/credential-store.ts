import { chmod, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectories } from '../../linux/index.js';
import { CredentialError } from '../errors.js';
import { AuthFile } from './auth-file.js';
import { CredentialHelper, MissingHelperError } from './credential-helper.js';
import type { CredentialSource, Credentials } from './credentials.js';
import { helperServer, namespaceKeys, registryKeys } from './registry-keys.js';

export type CredentialStoreOptions = Readonly<{
  /** HOME, DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME and PATH are read. */
  env: NodeJS.ProcessEnv;
  /** Instead of all the usual files. */
  authFile?: string;
  /** Changes a file in one step, for its owner's eyes only if it is new. Its folder exists. */
  editFile: (path: string, edit: (content: Buffer) => Buffer) => Promise<void>;
  /** Told of what does not work but need not stop anybody. */
  onNote?: (note: string) => void;
}>;

/** Where credentials are. `clear`: whoever can read that file can use them. */
export type Saved = Readonly<{ place: string; clear: boolean }>;

/** Credentials in the files of docker and podman, and in the helpers that those name. */
export class CredentialStore implements CredentialSource {
  readonly #options: CredentialStoreOptions;
  readonly #noted = new Set<string>();

  constructor(options: CredentialStoreOptions) {
    this.#options = options;
  }

  /** @throws {CredentialError} a file or a helper that is there but does not work. */
  async find(registry: string, repository?: string): Promise<Credentials | undefined> {
    return (await this.locate(registry, repository))?.credentials;
  }

  /** Like {@link find}, with where they are. */
  async locate(
    registry: string,
    repository?: string,
  ): Promise<Readonly<{ credentials: Credentials; place: string }> | undefined> {
    const files = await Promise.all(this.#filesToRead().map((path) => AuthFile.read(path)));
    for (const key of namespaceKeys(registry, repository)) {
      for (const file of files) {
        const credentials = file.find([key]);
        if (credentials !== undefined) return { credentials, place: file.path };
      }
    }
    for (const file of files) {
      const { path } = file;
      const helper = this.#helperOf(file, registry);
      const kept = helper && (await this.#ask(helper, path, registry));
      if (helper && kept) return { credentials: kept, place: helper.program };
      const credentials = file.find(registryKeys(registry));
      if (credentials !== undefined) return { credentials, place: path };
    }
    return undefined;
  }

  /**
   * Replaces what was saved for the registry, or for a part of it: `host/namespace`, which helpers do not know. Other
   * content of the file stays.
   */
  async save(registry: string, credentials: Credentials): Promise<Saved> {
    const path = this.fileToWrite;
    const helper = this.#helperOf(await AuthFile.read(path), registry);
    await helper?.store(helperServer(registry), credentials).catch((error: unknown) => {
      if (!(error instanceof MissingHelperError)) throw error;
      const advice = `install it, or take "credsStore" or "credHelpers" out of ${path}`;
      throw new CredentialError(`${error.message}; ${advice}`, { cause: error });
    });
    await this.#edit(path, (file) => file.with(registry, helper === undefined ? credentials : undefined));
    return helper === undefined ? { place: path, clear: true } : { place: helper.program, clear: false };
  }

  /** @returns where they were; empty when nowhere. */
  async erase(registry: string): Promise<string[]> {
    const path = this.fileToWrite;
    const file = await AuthFile.read(path);
    const helper = this.#helperOf(file, registry);
    const kept = helper && (await this.#ask(helper, path, registry));
    if (kept !== undefined) await helper?.erase(helperServer(registry));
    const wasInFile = file.find(registryKeys(registry)) !== undefined;
    if (file.mentions(registry)) await this.#edit(path, (now) => now.without(registry));
    return [...(kept === undefined ? [] : [helper?.program ?? '']), ...(wasInFile ? [path] : [])];
  }

  /** The file that logins go to: the one that was named, or docker's. */
  get fileToWrite(): string {
    const { authFile, env } = this.#options;
    return authFile ?? (env.REGISTRY_AUTH_FILE || this.#dockerFile);
  }

  /** Docker's before podman's, since logins go there; a file that was named stands alone. */
  #filesToRead(): string[] {
    const { authFile, env } = this.#options;
    const named = authFile ?? env.REGISTRY_AUTH_FILE;
    if (named) return [named];
    const runtime = env.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`;
    const config = env.XDG_CONFIG_HOME || join(env.HOME ?? '/', '.config');
    const inRuntime = join(runtime, env.XDG_RUNTIME_DIR ? 'containers/auth.json' : 'auth.json');
    return [this.#dockerFile, inRuntime, join(config, 'containers/auth.json')];
  }

  get #dockerFile(): string {
    const { env } = this.#options;
    return join(env.DOCKER_CONFIG || join(env.HOME ?? '/', '.docker'), 'config.json');
  }

  #helperOf(file: AuthFile, registry: string): CredentialHelper | undefined {
    const name = file.helper(registry);
    return name === undefined ? undefined : new CredentialHelper(name, this.#options.env);
  }

  /** A helper that is not installed must not keep anybody from what is public. */
  async #ask(helper: CredentialHelper, path: string, registry: string): Promise<Credentials | undefined> {
    try {
      return await helper.get(helperServer(registry));
    } catch (error) {
      if (!(error instanceof MissingHelperError)) throw error;
      const note = `${error.message}, which ${path} names: going on without saved credentials`;
      if (!this.#noted.has(note)) this.#options.onNote?.(note);
      this.#noted.add(note);
      return undefined;
    }
  }

  async #edit(path: string, change: (file: AuthFile) => AuthFile): Promise<void> {
    makeDirectories(dirname(path), 0o700);
    const mode = (await stat(path).catch(() => undefined))?.mode ?? 0;
    // Before the secret is in it, not after.
    if ((mode & 0o077) !== 0) await chmod(path, 0o600);
    await this.#options.editFile(path, (content) => change(AuthFile.parse(path, content)).format());
  }
}
