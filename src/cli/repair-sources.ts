import { findRepositoryName } from '../oci/index.js';
import type { Config } from '../registry/config/index.js';
import { isCovered, remoteNameOf } from '../registry/upstreams/index.js';
import { type RepairSource, UpstreamSource } from '../registry/verify/index.js';
import { openRegistryClient, systemTrust } from './registries.js';
import type { RegistryFlags } from './registry-options.js';
import { parseRegistryPlace } from './registry-place.js';
import { RegistryUpstream } from './registry-upstream.js';
import { RegistryClients } from './upstream-clients.js';
import { cacheRules } from './upstreams.js';

export type RepairSources = AsyncDisposable & Readonly<{ sources: readonly RepairSource[] }>;

/** Where bytes may be had that are damaged here: what the registry is a copy of. */
export async function configuredSources(config: Config): Promise<RepairSources> {
  const clients = new RegistryClients(await systemTrust());
  const sources = cacheRules(config, clients).map(
    (rule) =>
      new UpstreamSource(rule.upstream, (repository) =>
        isCovered(rule, repository) ? remoteNameOf(rule, repository) : undefined,
      ),
  );
  return { sources, [Symbol.asyncDispose]: () => clients[Symbol.asyncDispose]() };
}

/**
 * Another registry, named on the command line.
 * @param from `host[:port][/namespace]`, perhaps as a URL; repositories are below the namespace by their names here.
 * @throws {UsageError}
 */
export async function namedSource(
  from: string,
  flags: RegistryFlags,
  options: { signal: AbortSignal },
): Promise<RepairSources> {
  const { registry, namespace } = parseRegistryPlace(from);
  const plainHttp = flags.plainHttp ?? from.startsWith('http://');
  const client = await openRegistryClient({ ...flags, plainHttp }, options);
  const upstream = new RegistryUpstream(registry, () => client);
  const source = new UpstreamSource(upstream, (repository) =>
    namespace === undefined ? repository : findRepositoryName(`${namespace}/${repository}`),
  );
  return { sources: [source], [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}
