import { type Config, parseUpstreamUrl } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import type { MirrorOutcome } from '../registry/maintenance/index.js';
import {
  Catalog,
  RepositoryBlobs,
  RepositoryEndpoint,
  RepositoryManifests,
} from '../registry/repositories/index.js';
import { type MirrorRule, runMirror } from './mirror-run.js';
import type { OpenStore } from './open-store.js';
import { systemTrust } from './registries.js';
import { manifestRules, mirrorMatchers, quotaRules } from './settings.js';
import { RegistryClients } from './upstream-clients.js';

/** Is told of what was copied to here. */
type Pushed = ConstructorParameters<typeof RepositoryEndpoint>[1]['pushed'];

/** The copies that the configuration asks for between this registry and others. */
export class Mirrors implements AsyncDisposable {
  readonly rules: readonly MirrorRule[];
  readonly #parts: Omit<Parameters<typeof runMirror>[1], 'client'>;
  readonly #clients: RegistryClients;
  readonly #opener: readonly ReturnType<RegistryClients['opener']>[];
  readonly #log: Logger;
  readonly #underWay = new Map<MirrorRule, Promise<MirrorOutcome>>();

  static async open(
    config: Config,
    opened: OpenStore,
    options: Readonly<{ log: Logger; pushed: Pushed }>,
  ): Promise<Mirrors> {
    return new Mirrors(config, opened, { ...options, clients: new RegistryClients(await systemTrust()) });
  }

  private constructor(
    config: Config,
    { store, uploads }: OpenStore,
    { log, pushed, clients }: { log: Logger; pushed: Pushed; clients: RegistryClients },
  ) {
    const { mirrors } = config.berth;
    const catalog = new Catalog(store);
    const blobs = new RepositoryBlobs(store, quotaRules(config));
    const manifests = new RepositoryManifests(store, manifestRules(config));
    const parts = { blobs, manifests, catalog, uploads, pushed };
    this.#log = log;
    this.#parts = { catalog, here: (repository) => new RepositoryEndpoint(repository, parts) };
    this.#clients = clients;
    this.#opener = mirrors.map((mirror) => clients.opener(urlOf(mirror.url), mirror));
    this.rules = mirrors.map((mirror, i) => ({
      ...mirror,
      ...mirrorMatchers(mirror, i),
      registry: urlOf(mirror.url).host,
      prefix: mirror.prefix ?? '',
    }));
  }

  /** @param names of rules; none stands for all. @throws {Error} there is no rule of that name. */
  async run(names: readonly string[], signal?: AbortSignal): Promise<MirrorOutcome> {
    const unknown = names.find((name) => !this.rules.some((rule) => rule.name === name));
    if (unknown !== undefined) throw new Error(`there is no mirror ${unknown} in berth.mirrors`);
    const all = { copied: 0, unchanged: 0, failures: [] as string[] };
    for (const rule of this.rules) {
      if (names.length > 0 && !names.includes(rule.name)) continue;
      const { copied, unchanged, failures } = await this.#once(rule, signal);
      all.copied += copied;
      all.unchanged += unchanged;
      all.failures.push(...failures);
    }
    return all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]();
  }

  /** What the clock began, a command waits for. */
  #once(rule: MirrorRule, signal: AbortSignal | undefined): Promise<MirrorOutcome> {
    const begun = this.#underWay.get(rule);
    if (begun !== undefined) return begun;
    const running = this.#run(rule, signal).finally(() => this.#underWay.delete(rule));
    this.#underWay.set(rule, running);
    return running;
  }

  async #run(rule: MirrorRule, signal: AbortSignal | undefined): Promise<MirrorOutcome> {
    const client = this.#opener[this.rules.indexOf(rule)]?.();
    if (client === undefined) throw new TypeError(`${rule.name} is not one of these mirrors`);
    const outcome = await runMirror(rule, { ...this.#parts, client }, signal);
    const { copied, unchanged, failures } = outcome;
    this.#log.info({ mirror: rule.name, copied, unchanged, failures: failures.length }, 'mirror done');
    for (const failure of failures) this.#log.warn({ mirror: rule.name, failure }, 'could not be mirrored');
    return outcome;
  }
}

function urlOf(text: string): URL {
  const url = parseUpstreamUrl(text);
  if (url === undefined) throw new TypeError(`${text} is no address of a registry`);
  return url;
}
