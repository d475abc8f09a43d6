import {
  DigestMismatchError,
  ImageNotFoundError,
  MAX_MANIFEST_BYTES,
  type OpenContent,
  type Pushed,
  readManifestBytes,
  streamOf,
} from '../content/index.js';
import type { Descriptor, Digest, HashAlgorithm, ManifestKey, RepositoryName } from '../oci/index.js';
import {
  algorithmOf,
  digestOfBytes,
  findDigest,
  isHashAlgorithm,
  keyText,
  MEDIA_TYPES,
  parseManifest,
} from '../oci/index.js';
import { repositoryScope } from './auth/scope.js';
import { RegistryError } from './errors.js';
import type { HttpAnswer } from './http/answer.js';
import type { ApiRequest, RegistryHost } from './registry-host.js';
import { readWholeAnswer } from './whole-answer.js';

/** A manifest's bytes with what describes them. */
export type FoundManifest = Readonly<{ descriptor: Descriptor; bytes: Buffer }>;

/** A manifest about `digest`, which the registry does not keep a list of. */
export type UnlistedReferrer = Readonly<{ digest: Digest; referrer: Descriptor }>;

type Options = Readonly<{ signal?: AbortSignal }>;

const MANIFEST_TYPES: readonly string[] = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerManifestList,
  MEDIA_TYPES.dockerManifest,
];
/** Manifests that are likely to be asked for again soon: for their tags, or because they were just resolved. */
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024;

/** What a registry keeps under `/manifests/`; all else is under `/blobs/`. */
export function isManifestType(mediaType: string): boolean {
  return (
    MANIFEST_TYPES.includes(mediaType) ||
    mediaType.startsWith('application/vnd.docker.distribution.manifest.')
  );
}

/** The manifests of one repository. distribution-spec spec.md, "Pulling manifests", "Pushing Manifests". */
export class RepositoryManifests {
  readonly #host: RegistryHost;
  readonly #path: RepositoryName;
  readonly #remembered = new Map<Digest, FoundManifest>();
  #rememberedBytes = 0;

  constructor(host: RegistryHost, path: RepositoryName) {
    this.#host = host;
    this.#path = path;
  }

  /** Asks without reading where that is possible. */
  async find(key: ManifestKey, options: Options): Promise<Descriptor | undefined> {
    const answer = await this.#host.send({
      ...this.#request(key, 'finding', 'pull'),
      method: 'HEAD',
      headers: { accept: MANIFEST_TYPES.join(', ') },
      expect: [200, 400, 403, 404, 405, 406, 501],
      ...options,
    });
    await answer.discard();
    if (answer.status === 404) return undefined;
    const described = answer.status === 200 ? describe(answer, key) : undefined;
    // What HEAD leaves out, also why it was refused, GET tells.
    return described ?? (await this.get(key, options))?.descriptor;
  }

  /** @throws {DigestMismatchError} other bytes than the digest, the caller's or the registry's, stands for. */
  async get(key: ManifestKey, options: Options): Promise<FoundManifest | undefined> {
    const request = this.#request(key, 'reading', 'pull');
    const answer = await this.#host.send({
      ...request,
      method: 'GET',
      headers: { accept: MANIFEST_TYPES.join(', ') },
      expect: [200, 404],
      ...options,
    });
    if (answer.status === 404) {
      await answer.discard();
      return undefined;
    }
    const bytes = await readWholeAnswer(answer, MAX_MANIFEST_BYTES, {
      registry: this.#host.registry,
      what: request.what,
    });
    const claimed = 'digest' in key ? key.digest : findDigest(answer.header('docker-content-digest') ?? '');
    const digest = verifiedDigest(bytes, claimed, request.what);
    return this.#remember({
      descriptor: { mediaType: mediaTypeOf(answer, bytes), digest, size: bytes.length },
      bytes,
    });
  }

  /** @throws {ImageNotFoundError} */
  async read(descriptor: Descriptor, options: Options): Promise<Buffer> {
    const { digest, size } = descriptor;
    const found = this.#remembered.get(digest) ?? (await this.get({ digest }, options));
    if (found === undefined) throw new ImageNotFoundError(`${this.#name}@${digest}`);
    if (found.bytes.length === size) return found.bytes;
    throw this.#error(
      `manifest ${digest} of ${this.#name} has ${found.bytes.length} bytes, not ${size}`,
      200,
    );
  }

  /** @returns besides, what has to be listed by the caller because the registry does not do so. */
  async push(
    descriptor: Descriptor,
    open: OpenContent,
    options: Options,
  ): Promise<Readonly<{ pushed: Pushed; subject?: UnlistedReferrer }>> {
    if ((await this.find({ digest: descriptor.digest }, options)) !== undefined) return { pushed: 'present' };
    const bytes = await readManifestBytes(await open(0));
    verifiedDigest(bytes, descriptor.digest);
    const answer = await this.#put({ digest: descriptor.digest }, { descriptor, bytes }, options);
    this.#remember({ descriptor, bytes });
    const subject =
      answer.header('oci-subject') === undefined ? unlistedReferrer(descriptor, bytes) : undefined;
    return { pushed: 'sent', ...(subject === undefined ? {} : { subject }) };
  }

  /** Puts the same bytes again, under another name: the only way to tag that all registries know. */
  async tag(descriptor: Descriptor, key: ManifestKey, options: Options): Promise<void> {
    const bytes = await this.read(descriptor, options);
    await this.#put(key, { descriptor, bytes }, options);
  }

  /** Stores bytes under a tag, whatever was there. */
  async putTagged(key: ManifestKey, found: FoundManifest, options: Options): Promise<void> {
    await this.#put(key, found, options);
  }

  /** @throws {ImageNotFoundError} */
  async delete(key: ManifestKey, options: Options): Promise<void> {
    const request = this.#request(key, 'deleting', 'pull', 'delete');
    const answer = await this.#host.send({
      ...request,
      method: 'DELETE',
      expect: [200, 202, 204, 400, 404, 405],
      ...options,
    });
    await answer.discard();
    if (answer.status === 404)
      throw new ImageNotFoundError(`${this.#name}${'tag' in key ? ':' : '@'}${keyText(key)}`);
    if (answer.status !== 400 && answer.status !== 405) return;
    const advice =
      'tag' in key
        ? 'it may be able to delete digests, which takes all their tags with them'
        : 'deleting must be enabled there (storage.delete.enabled)';
    throw this.#error(`${request.what}: the registry does not do that; ${advice}`, answer.status);
  }

  async #put(key: ManifestKey, { descriptor, bytes }: FoundManifest, options: Options): Promise<HttpAnswer> {
    const answer = await this.#host.send({
      ...this.#request(key, 'storing', 'pull', 'push'),
      method: 'PUT',
      headers: { 'content-type': descriptor.mediaType },
      body: { bytes: bytes.length, open: async () => streamOf(bytes) },
      expect: [200, 201, 202],
      ...options,
    });
    await answer.discard();
    return answer;
  }

  #request(
    key: ManifestKey,
    doing: string,
    ...actions: readonly string[]
  ): Pick<ApiRequest, 'target' | 'repository' | 'scopes' | 'what'> {
    return {
      target: `/v2/${this.#path}/manifests/${keyText(key)}`,
      repository: this.#path,
      scopes: [repositoryScope(this.#path, ...actions)],
      what: `${doing} manifest ${keyText(key)} of ${this.#name}`,
    };
  }

  get #name(): string {
    return `${this.#host.registry}/${this.#path}`;
  }

  #remember(found: FoundManifest): FoundManifest {
    const { digest } = found.descriptor;
    if (this.#remembered.has(digest)) return found;
    this.#remembered.set(digest, found);
    this.#rememberedBytes += found.bytes.length;
    for (const [oldest, { bytes }] of this.#remembered) {
      if (this.#rememberedBytes <= MAX_REMEMBERED_BYTES) break;
      this.#remembered.delete(oldest);
      this.#rememberedBytes -= bytes.length;
    }
    return found;
  }

  #error(message: string, status: number): RegistryError {
    return new RegistryError(message, { registry: this.#host.registry, status });
  }
}

/** Of a HEAD answer; the digest of the caller counts more than the registry's. */
function describe(answer: HttpAnswer, key: ManifestKey): Descriptor | undefined {
  const digest = 'digest' in key ? key.digest : findDigest(answer.header('docker-content-digest') ?? '');
  const { contentLength: size, contentType: mediaType } = answer;
  if (digest === undefined || size === undefined || size === 0 || !isManifestType(mediaType))
    return undefined;
  return { mediaType, digest, size };
}

/** The digest that the bytes really have, in the algorithm that is claimed or sha256. */
function verifiedDigest(bytes: Buffer, claimed: Digest | undefined, what?: string): Digest {
  const algorithm = claimed === undefined ? 'sha256' : algorithmOf(claimed);
  const known: HashAlgorithm = isHashAlgorithm(algorithm) ? algorithm : 'sha256';
  const actual = digestOfBytes(known, bytes);
  if (claimed !== undefined && claimed !== actual) throw new DigestMismatchError(claimed, actual, what);
  return actual;
}

function mediaTypeOf(answer: HttpAnswer, bytes: Buffer): string {
  const { contentType } = answer;
  if (isManifestType(contentType)) return contentType;
  try {
    return parseManifest(bytes, '').mediaType;
  } catch {
    return contentType; // whoever reads it will say what is wrong
  }
}

function unlistedReferrer(descriptor: Descriptor, bytes: Buffer): UnlistedReferrer | undefined {
  try {
    const { subject, artifactType, annotations } = parseManifest(bytes, '');
    if (subject === undefined) return undefined;
    const { mediaType, digest, size } = descriptor;
    const named = artifactType === undefined ? {} : { artifactType };
    const annotated = Object.keys(annotations).length === 0 ? {} : { annotations };
    return { digest: subject.digest, referrer: { mediaType, digest, size, ...named, ...annotated } };
  } catch {
    return undefined; // the registry took it; we need not understand it
  }
}
