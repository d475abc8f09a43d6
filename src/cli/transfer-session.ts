import type { RegistryClient } from '../client/index.js';
import type { LocalStore } from '../image/index.js';
import { isNameOnly, type Reference } from '../oci/index.js';
import { openLocalStore, type StoreFlags } from './image-store.js';
import { Interruption } from './interruption.js';
import { openProgress, type Progress } from './progress.js';
import type { ProgressMode } from './progress-mode.js';
import { openRegistryClient } from './registries.js';
import { type CopySide, flagsOfSide, type RegistryFlags, type SideFlags } from './registry-options.js';

export type TransferFlags = RegistryFlags &
  SideFlags &
  StoreFlags &
  Readonly<{ progress?: ProgressMode; quiet?: boolean }>;

/** What a command that moves images needs, opened when it is first asked for, and closed at the end. */
export class TransferSession implements AsyncDisposable {
  readonly progress: Progress;
  readonly #flags: TransferFlags;
  readonly #interruption = new Interruption();
  readonly #owned = new AsyncDisposableStack();
  #store: Promise<LocalStore> | undefined;
  readonly #clients = new Map<string, Promise<RegistryClient>>();

  constructor(flags: TransferFlags) {
    this.#flags = flags;
    this.progress = openProgress(flags.quiet === true ? 'quiet' : (flags.progress ?? 'auto'));
  }

  get signal(): AbortSignal {
    return this.#interruption.signal;
  }

  store(): Promise<LocalStore> {
    this.#store ??= openLocalStore(this.#flags);
    return this.#store;
  }

  /** Both sides of a copy share one, with its connections and tokens, unless something was said of one side. */
  client(side?: CopySide): Promise<RegistryClient> {
    const flags = side === undefined ? this.#flags : flagsOfSide(this.#flags, side);
    const { creds, registryToken, tlsVerify, authFile, certDir } = flags;
    const key = JSON.stringify([creds, registryToken, tlsVerify, authFile, certDir]);
    const client = this.#clients.get(key) ?? openRegistryClient(flags, { signal: this.signal });
    this.#clients.set(key, client);
    return client;
  }

  /** Writes a part of the command's result. */
  print(text: string | Uint8Array): void {
    this.progress.clear();
    process.stdout.write(text);
  }

  /** As docker says it, where the name has no tag. */
  tellDefaultTag(name: string): void {
    if (this.#flags.quiet !== true && isNameOnly(name)) this.print('Using default tag: latest\n');
  }

  /** Closes it with the session, before the store. */
  own<T extends AsyncDisposable>(endpoint: T): T {
    return this.#owned.use(endpoint);
  }

  async repository({ registry, repository }: Pick<Reference, 'registry' | 'repository'>, side?: CopySide) {
    return (await this.client(side)).repository(registry, repository);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.progress[Symbol.dispose]();
    await this.#owned.disposeAsync();
    (await this.#store?.catch(() => undefined))?.close();
    for (const client of this.#clients.values())
      await (await client.catch(() => undefined))?.[Symbol.asyncDispose]();
    this.#interruption[Symbol.dispose]();
  }
}
