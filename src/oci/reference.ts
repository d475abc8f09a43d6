import { type Digest, parseDigest } from './digest.js';
import { OciError } from './errors.js';
import { findRepositoryName, parseTag, type RepositoryName, type Tag } from './name.js';

/** Names a manifest by a tag, which may move, or by its content, which may not. */
export type ManifestKey = Readonly<{ tag: Tag }> | Readonly<{ digest: Digest }>;

/** A whole image name: `alpine` reads as docker.io, library/alpine, tag latest. `registry` is host[:port]. */
export type Reference = Readonly<{ registry: string; repository: RepositoryName; key: ManifestKey }>;

const DEFAULT_REGISTRY = 'docker.io';

/**
 * Reads a name the way docker does: the first part is a registry when it has a `.` or a `:` or is `localhost`;
 * without a tag or digest it is the tag `latest`. With both, the digest counts.
 * @throws {OciError} NAME_INVALID, TAG_INVALID or DIGEST_INVALID.
 */
export function parseReference(input: string): Reference {
  const { name, tag, digest } = split(input);
  const { registry, path } = hostAndPath(name);
  const repository = findRepositoryName(path);
  if (repository === undefined || registry === '') throw notAName(input);
  if (digest !== undefined) return { registry, repository, key: { digest: parseDigest(digest) } };
  return { registry, repository, key: { tag: parseTag(tag ?? 'latest') } };
}

/** Neither a tag nor a digest is said: the tag `latest` is meant, or all there are. */
export function isNameOnly(input: string): boolean {
  const { tag, digest } = split(input);
  return tag === undefined && digest === undefined;
}

/** The whole name: `docker.io/library/alpine:latest`. {@link parseReference} reads it back as the same. */
export function formatReference({ registry, repository, key }: Reference): string {
  return `${registry}/${repository}${formatKey(key)}`;
}

/** As docker shows it: without `docker.io/` and `library/`, `alpine:latest`. */
export function shortReference(reference: Reference): string {
  return `${shortName(reference)}${formatKey(reference.key)}`;
}

/** The part before the tag, as docker shows it: `alpine`, `reg.example:5000/a/b`. */
export function shortName({ registry, repository }: Pick<Reference, 'registry' | 'repository'>): string {
  if (registry !== DEFAULT_REGISTRY) return `${registry}/${repository}`;
  return repository.replace(/^library\/(?=[^/]+$)/, '');
}

/** The tag or digest as registries have it in their paths. */
export function keyText(key: ManifestKey): string {
  return 'tag' in key ? key.tag : key.digest;
}

function formatKey(key: ManifestKey): string {
  return 'tag' in key ? `:${key.tag}` : `@${key.digest}`;
}

function split(input: string): { name: string; tag: string | undefined; digest: string | undefined } {
  const at = input.indexOf('@');
  const digest = at < 0 ? undefined : input.slice(at + 1);
  const rest = at < 0 ? input : input.slice(0, at);
  const colon = rest.lastIndexOf(':');
  if (colon < 0 || rest.includes('/', colon)) return { name: rest, tag: undefined, digest };
  return { name: rest.slice(0, colon), tag: rest.slice(colon + 1), digest };
}

function hostAndPath(name: string): { registry: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (!isHost)
    return { registry: DEFAULT_REGISTRY, path: first === '' && slash < 0 ? `library/${name}` : name };
  const registry = /^(index\.)?docker\.io$/.test(first) ? DEFAULT_REGISTRY : first;
  const path = name.slice(slash + 1);
  return { registry: HOST.test(registry) ? registry : '', path: officialPath(registry, path) };
}

/** On docker.io a name of one part belongs to `library`. */
function officialPath(registry: string, path: string): string {
  return registry === DEFAULT_REGISTRY && !path.includes('/') ? `library/${path}` : path;
}

const HOST = /^(?:\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?)(?::[0-9]{1,5})?$/;

function notAName(input: string): OciError {
  return new OciError(
    'NAME_INVALID',
    `not an image name: ${JSON.stringify(input)}; write [registry/]repository[:tag][@digest] with the repository in lower case`,
  );
}
