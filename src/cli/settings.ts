import { type Glob, globAt, parseTagGlob } from '../registry/auth/index.js';
import { type Config, parseAddress } from '../registry/config/index.js';
import type { RetentionRule } from '../registry/gc/index.js';
import type { RegistrySettings, RepositoryWarning } from '../registry/http/index.js';
import type { ListenAddress } from '../registry/listen.js';
import type { ManifestRules, QuotaRule } from '../registry/repositories/index.js';
import type { TlsFiles } from '../registry/tls/index.js';

/** What the parts of the registry want to know of the configuration, each in its own words. */
export function registrySettings({ http, storage, catalog, tags, berth }: Config): RegistrySettings {
  return {
    baseUrl: http.relativeurls ? '' : (http.host ?? '').replace(/\/$/, ''),
    prefix: (http.prefix ?? '').replace(/\/+$/, ''),
    namespaces: new Map(),
    deleteEnabled: storage.delete.enabled,
    readOnly: storage.maintenance.readonly.enabled,
    // Only this driver has URLs that clients can be sent to.
    redirect: storage.s3 !== undefined && !storage.redirect.disable,
    maxManifestBytes: berth.limits.manifestbytes,
    maxOpenUploads: berth.limits.openuploads,
    maxCatalogEntries: catalog.maxentries,
    maxTags: tags.maxtags,
    search: berth.search,
    warnings: berth.warnings.map(repositoryWarning),
  };
}

/** Loading the configuration has refused what is no address. */
export function listenAddress({ net, addr }: Pick<Config['http'], 'net' | 'addr'>): ListenAddress {
  if (net === 'unix') return { path: addr };
  const address = parseAddress(addr);
  if (address === undefined) throw new TypeError(`${addr} is no address`);
  return address;
}

function repositoryWarning(
  { repositories, text }: Config['berth']['warnings'][number],
  at: number,
): RepositoryWarning {
  return { matches: anyOf(repositories, `berth.warnings[${at}].repositories`), text };
}

type Globs = readonly string[];

/** @throws {Error} naming the place below `key` of a pattern that nothing could match. */
export function anyOf(patterns: Globs, key: string, parse?: typeof parseTagGlob): (name: string) => boolean {
  return anyOfGlobs(globsAt(patterns, key, parse));
}

function globsAt(patterns: Globs, key: string, parse?: typeof parseTagGlob): readonly Glob[] {
  return patterns.map((pattern, i) => globAt(pattern, `${key}[${i}]`, parse));
}

function anyOfGlobs(globs: readonly Glob[]): (name: string) => boolean {
  return (name) => globs.some((glob) => glob.matches(name));
}

/** Tags of repositories, by a rule at `key`. */
function tagMatcher({ repositories, tags }: Readonly<{ repositories: Globs; tags: Globs }>, key: string) {
  const isRepository = anyOf(repositories, `${key}.repositories`);
  const isTag = anyOf(tags, `${key}.tags`, parseTagGlob);
  return (repository: string, tag: string) => isRepository(repository) && isTag(tag);
}

/** Of `berth.mirrors[at]`. */
export function mirrorMatchers(
  { repositories, tags }: Readonly<{ repositories: Globs; tags: Globs }>,
  at: number,
) {
  const key = `berth.mirrors[${at}]`;
  return {
    isRepository: anyOf(repositories, `${key}.repositories`),
    isTag: anyOf(tags, `${key}.tags`, parseTagGlob),
  };
}

export function quotaRules({ berth }: Config): QuotaRule[] {
  return berth.quotas.map(({ repositories, size }, at) => {
    const key = `berth.quotas[${at}]`;
    const globs = globsAt(repositories, `${key}.repositories`);
    return { matches: anyOfGlobs(globs), prefixes: globs.map(({ prefix }) => prefix), bytes: size, key };
  });
}

export function retentionRules({ berth }: Config): RetentionRule[] {
  return berth.retention.map((rule, at) => ({
    matches: tagMatcher(rule, `berth.retention[${at}]`),
    keep: rule.keep.map(({ newest, newestversions, pushedwithin, pulledwithin }) => ({
      newest,
      newestVersions: newestversions,
      pushedWithin: pushedwithin,
      pulledWithin: pulledwithin,
    })),
    expiryLabel: rule.expirylabel,
  }));
}

export function manifestRules({ validation, berth }: Config): ManifestRules {
  const { indexes, urls } = validation.manifests;
  const immutable = berth.immutable.map((rule, at) => tagMatcher(rule, `berth.immutable[${at}]`));
  return {
    indexPlatforms: validation.disabled
      ? 'none'
      : indexes.platforms === 'list'
        ? indexes.platformlist.map(({ os = '', architecture = '' }) => ({ os, architecture }))
        : indexes.platforms,
    blobs: validation.disabled ? 'optional' : 'required',
    urls: {
      allow: urls.allow.map((text) => new RegExp(text)),
      deny: urls.deny.map((text) => new RegExp(text)),
    },
    isImmutable: (repository, tag) => immutable.some((matches) => matches(repository, tag)),
  };
}

/** @returns `undefined` for a registry without TLS. */
export function tlsFilesOf({ http: { tls } }: Config): TlsFiles | undefined {
  const { certificate, key } = tls;
  return certificate && key ? { ...tls, certificate, key } : undefined;
}
