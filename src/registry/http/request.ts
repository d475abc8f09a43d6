import { OciError, parseRepositoryName, type RepositoryName } from '../../oci/index.js';

/** What a URL under `/v2/` names. References and digests are still text: their errors depend on the method. */
export type RegistryRequest =
  | Readonly<{ kind: 'base' }>
  | Readonly<{ kind: 'catalog' }>
  | Readonly<{ kind: 'extensions' }>
  | Readonly<{ kind: 'manifest'; repository: RepositoryName; reference: string }>
  | Readonly<{ kind: 'blob'; repository: RepositoryName; digest: string }>
  | Readonly<{ kind: 'uploads'; repository: RepositoryName }>
  | Readonly<{ kind: 'upload'; repository: RepositoryName; id: string }>
  | Readonly<{ kind: 'tags'; repository: RepositoryName }>
  | Readonly<{ kind: 'referrers'; repository: RepositoryName; digest: string }>;

export type RequestKind = RegistryRequest['kind'];

/**
 * Reads from the right, since a repository may be called `a/blobs/uploads`.
 * @param path decoded or not, from `/v2` on, without the query.
 * @returns `undefined` when the path names nothing of the registry's.
 * @throws {OciError} NAME_INVALID: the path is right but for the repository's name.
 */
export function parseRequest(path: string): RegistryRequest | undefined {
  const parts = decoded(path).split('/').slice(1);
  if (parts.shift() !== 'v2') return undefined;
  if (parts.length === 0 || (parts.length === 1 && parts[0] === '')) return { kind: 'base' };
  if (parts.length === 1 && parts[0] === '_catalog') return { kind: 'catalog' };
  if (parts.join('/') === '_oci/ext/discover') return { kind: 'extensions' };
  return parseUploads(parts) ?? parseContent(parts);
}

/** A request may name a whole URL, of which only path and query matter here. RFC 9112 section 3.2. */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/i.exec(target)?.[1] ?? target;
  return path.startsWith('/') ? path : `/${path}`;
}

/** `<name>/blobs/uploads[/[<id>]]`. */
function parseUploads(parts: readonly string[]): RegistryRequest | undefined {
  const [last = '', second, third] = parts.toReversed();
  if (second === 'blobs' && last === 'uploads') {
    return { kind: 'uploads', repository: nameOf(parts.slice(0, -2)) };
  }
  if (third !== 'blobs' || second !== 'uploads') return undefined;
  const repository = nameOf(parts.slice(0, -3));
  return last === '' ? { kind: 'uploads', repository } : { kind: 'upload', repository, id: last };
}

/** `<name>/<what>/<which>`. */
function parseContent(parts: readonly string[]): RegistryRequest | undefined {
  const [which = '', what] = parts.toReversed();
  const name = parts.slice(0, -2);
  if (which === '' || name.length === 0) return undefined;
  switch (what) {
    case 'manifests':
      return { kind: 'manifest', repository: nameOf(name), reference: which };
    case 'blobs':
      return { kind: 'blob', repository: nameOf(name), digest: which };
    case 'referrers':
      return { kind: 'referrers', repository: nameOf(name), digest: which };
    case 'tags':
      return which === 'list' ? { kind: 'tags', repository: nameOf(name) } : undefined;
    default:
      return undefined;
  }
}

function nameOf(parts: readonly string[]): RepositoryName {
  return parseRepositoryName(parts.join('/'));
}

function decoded(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new OciError('NAME_INVALID', 'the path has a broken percent-escape', { cause: error });
  }
}

type Target = Readonly<{ path: string; querystring: string }>;
type Place = Readonly<{ prefix: string; namespaces: ReadonlyMap<string, string> }>;

/**
 * The same for a repository as clients know it that keep upstreams apart by name: `library/app` of `?ns=docker.io` is below
 * the prefix of that upstream. containerd docs/hosts.md; distribution-spec spec.md, "Pulling manifests".
 */
export function requestOf(
  { path, querystring }: Target,
  { prefix, namespaces }: Place,
): RegistryRequest | undefined {
  const request = parseRequest(path.slice(prefix.length));
  if (namespaces.size === 0 || request === undefined || !('repository' in request)) return request;
  const below = namespaces.get(new URLSearchParams(querystring).get('ns') ?? '');
  if (below === undefined) return request;
  return { ...request, repository: parseRepositoryName(`${below}/${request.repository}`) };
}

/** The same; `undefined` for a bad name, too. */
export function findRequest(target: Target, place: Place): RegistryRequest | undefined {
  try {
    return requestOf(target, place);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}
