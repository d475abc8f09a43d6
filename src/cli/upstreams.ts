import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import {
  CredentialHelper,
  type CredentialSource,
  fixedCredentials,
  RegistryClient,
  type TrustFolders,
} from '../client/index.js';
import { type Config, parseUpstreamUrl } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import type { RepositoryBlobs } from '../registry/repositories/index.js';
import { type CacheRule, Origins, PullThroughCache, Upstreams } from '../registry/upstreams/index.js';
import { localFolder } from './local-folder.js';
import type { OpenStore } from './open-store.js';
import { systemTrust } from './registries.js';
import { RegistryUpstream } from './registry-upstream.js';

/** Where the whole registry is a copy, the reference asks each time. */
const RECHECK_ALWAYS = 0;
/** Enough to get over a restart; whoever waits longer asks again himself. */
const RETRIES = 3;
const MAX_RETRY_AFTER_MS = 2000;

export type OpenUpstreams = AsyncDisposable & Readonly<{ upstreams: Upstreams; origins: Origins }>;

/** The parts of the registry that are copies of others, as the configuration says. */
export async function openUpstreams(
  config: Config,
  { store, uploads }: OpenStore,
  { blobs, log }: Readonly<{ blobs: RepositoryBlobs; log: Logger }>,
): Promise<OpenUpstreams> {
  const closing = new AbortController();
  const folder = join(localFolder(config, process.env) ?? tmpdir(), 'berth', 'tmp');
  await mkdir(folder, { recursive: true });
  const clients = new Clients(await systemTrust());
  const origins = new Origins(store);
  const parts = { store, uploads, blobs, origins, folder, log, signal: closing.signal };
  const rules = placesOf(config).map((place) => cacheRule(place, clients));
  const upstreams = new Upstreams(rules.map((rule) => new PullThroughCache(rule, parts)));
  return {
    upstreams,
    origins,
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the registry stops'));
      await upstreams.settle();
      await clients[Symbol.asyncDispose]();
    },
  };
}

/** What both sections of the configuration say. Times in milliseconds. */
type Place = Readonly<{
  url: string;
  prefix?: string | undefined;
  namespaces?: readonly string[] | undefined;
  username?: string | undefined;
  password?: string | undefined;
  exec?: Config['proxy']['exec'];
  recheck: number;
  ttl: number;
  maxsize?: number | undefined;
}>;

function placesOf({ proxy, berth }: Config): Place[] {
  const { remoteurl: url } = proxy;
  return [...berth.upstreams, ...(url ? [{ ...proxy, url, recheck: RECHECK_ALWAYS }] : [])];
}

function cacheRule(place: Place, clients: Clients): CacheRule {
  const { prefix = '', namespaces = [prefix], recheck, ttl, maxsize: maxBytes } = place;
  const url = parseUpstreamUrl(place.url);
  if (url === undefined) throw new TypeError(`${place.url} is no address of a registry`);
  const upstream = new RegistryUpstream(url.host, clients.opener(url, place));
  return { upstream, prefix, namespaces, recheck, ttl, maxBytes };
}

/** A client for each upstream, so that none is ever shown the credentials for another. */
class Clients implements AsyncDisposable {
  readonly #trust: TrustFolders;
  readonly #open: RegistryClient[] = [];

  constructor(trust: TrustFolders) {
    this.#trust = trust;
  }

  /** @returns what gives the client; another one once its credentials are too old. */
  opener(url: URL, place: Place): () => RegistryClient {
    const credentials = credentialsOf(place);
    const lifetime = place.exec?.lifetime ?? Number.POSITIVE_INFINITY;
    let current: { client: RegistryClient; until: number } | undefined;
    return () => {
      if (current === undefined || performance.now() >= current.until)
        current = { client: this.#make(url, credentials), until: performance.now() + lifetime };
      return current.client;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((client) => client[Symbol.asyncDispose]()));
  }

  #make({ protocol }: URL, credentials: CredentialSource): RegistryClient {
    const client = new RegistryClient({
      credentials,
      trust: this.#trust,
      plainHttp: () => protocol === 'http:',
      proxyEnv: process.env,
      userAgent: `berth/${manifest.version}`,
      retries: RETRIES,
      maxRetryAfterMs: MAX_RETRY_AFTER_MS,
    });
    this.#open.push(client);
    return client;
  }
}

function credentialsOf({ url, username: user, password, exec }: Place): CredentialSource {
  if (exec?.command) {
    const helper = new CredentialHelper(exec.command.replace(/^docker-credential-/, ''), process.env);
    return { find: () => helper.get(url) };
  }
  return user && password ? fixedCredentials({ user, password }) : { find: async () => undefined };
}
