import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalLocks } from '../locks/index.js';
import { type Config, parseUpstreamUrl } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import type { RepositoryBlobs } from '../registry/repositories/index.js';
import {
  type CacheObserver,
  type CacheRule,
  Origins,
  PullThroughCache,
  SharedFetches,
  Upstreams,
  UpstreamUnavailableError,
} from '../registry/upstreams/index.js';
import { localFolder } from './local-folder.js';
import type { OpenStore } from './open-store.js';
import { systemTrust } from './registries.js';
import { RegistryUpstream } from './registry-upstream.js';
import { type Login, RegistryClients } from './upstream-clients.js';

/** Where the whole registry is a copy, the reference asks each time. */
const RECHECK_ALWAYS = 0;

export type OpenUpstreams = AsyncDisposable & Readonly<{ upstreams: Upstreams; origins: Origins }>;

/** The parts of the registry that are copies of others, as the configuration says. */
export async function openUpstreams(
  config: Config,
  { store, uploads, locks }: OpenStore,
  {
    blobs,
    log,
    observer,
  }: Readonly<{
    blobs: RepositoryBlobs;
    log: Logger;
    observer: CacheObserver | undefined;
  }>,
): Promise<OpenUpstreams> {
  const closing = new AbortController();
  const own = localFolder(config, process.env);
  const folder = own === undefined ? tmpdir() : join(own, 'berth', 'tmp');
  await mkdir(folder, { recursive: true });
  const clients = new RegistryClients(await systemTrust());
  const origins = new Origins(store);
  if (config.proxy.remoteurl) await origins.adopt();
  // What is in a folder of everybody's may be anybody's. Who shares with nobody may have shared before a kill.
  const fetches = own === undefined ? undefined : new SharedFetches(locks ?? new LocalLocks(), folder);
  await fetches
    ?.tidy()
    .catch((error: unknown) =>
      log.warn({ error }, 'what is left of blobs on their way could not be removed'),
    );
  const shared = locks && fetches;
  const parts = { store, uploads, blobs, origins, folder, shared, observer, log, signal: closing.signal };
  const rules = cacheRules(config, clients);
  const upstreams = new Upstreams(rules.map((rule) => new PullThroughCache(rule, parts)));
  return {
    upstreams,
    origins,
    async [Symbol.asyncDispose]() {
      closing.abort(new UpstreamUnavailableError('the registry stops'));
      await upstreams.settle();
      await clients[Symbol.asyncDispose]();
    },
  };
}

/** Which parts of the registry are copies, and of what. */
export function cacheRules(config: Config, clients: RegistryClients): CacheRule[] {
  const places = placesOf(config);
  return places.map((place) => cacheRule(place, places, clients));
}

/** What both sections of the configuration say. Times in milliseconds. */
type Place = Login &
  Readonly<{
    prefix?: string | undefined;
    namespaces?: readonly string[] | undefined;
    recheck: number;
    ttl: number;
    maxsize?: number | undefined;
  }>;

function placesOf({ proxy, berth }: Config): Place[] {
  const { remoteurl: url } = proxy;
  return [...berth.upstreams, ...(url ? [{ ...proxy, url, recheck: RECHECK_ALWAYS }] : [])];
}

function cacheRule(place: Place, all: readonly Place[], clients: RegistryClients): CacheRule {
  const { prefix = '', namespaces = [prefix], recheck, ttl, maxsize: maxBytes } = place;
  const url = parseUpstreamUrl(place.url);
  if (url === undefined) throw new TypeError(`${place.url} is no address of a registry`);
  const upstream = new RegistryUpstream(url.host, clients.opener(url, place));
  const others = all.map((other) => other.prefix ?? '').filter((other) => other !== prefix);
  const inner = others.filter((other) => prefix === '' || other.startsWith(`${prefix}/`));
  return { upstream, prefix, inner, namespaces, recheck, ttl, maxBytes };
}
