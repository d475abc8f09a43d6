import { createHash } from 'node:crypto';
import { http, openHttp } from './http.js';
import { digestOf, type LayoutDescriptor } from './oci-layout.js';

export type ReaderOptions = Readonly<{
  user?: Readonly<{ name: string; password: string }>;
  /** PEM certificates to trust. */
  ca?: string;
}>;

/** One manifest with all it leads to, every byte of which was read and had the digest that it should have. */
export type StoredImage = Readonly<{
  digest: string;
  mediaType: string;
  bytes: Buffer;
  /** Of the config, for an image manifest. */
  config?: string;
  /** Of the layers, base layer first. */
  layers: readonly string[];
  /** Of an index. */
  images: readonly StoredImage[];
}>;

const ACCEPTED = ['oci.image.manifest.v1', 'oci.image.index.v1']
  .concat(['docker.distribution.manifest.v2', 'docker.distribution.manifest.list.v2'])
  .map((type) => `application/vnd.${type}+json`)
  .join(', ');

type Manifest = { config?: LayoutDescriptor; layers?: LayoutDescriptor[]; manifests?: LayoutDescriptor[] };

/** Looks at a registry without any of the clients, to see what they have left there. */
export class RegistryReader {
  readonly #url: string;
  readonly #ca: { ca?: string };
  readonly #headers: Record<string, string>;

  constructor(url: string, { user, ca }: ReaderOptions = {}) {
    this.#url = url;
    this.#ca = ca === undefined ? {} : { ca };
    const credentials = user && Buffer.from(`${user.name}:${user.password}`).toString('base64');
    this.#headers = { accept: ACCEPTED, ...(credentials ? { authorization: `Basic ${credentials}` } : {}) };
  }

  async status(path: string, method = 'GET'): Promise<number> {
    return (await http(`${this.#url}${path}`, { method, headers: this.#headers, ...this.#ca })).status;
  }

  async repositories(): Promise<string[]> {
    const { repositories } = (await this.#json('/v2/_catalog?n=1000')) as { repositories: string[] };
    return repositories;
  }

  /** Sorted. None for what is no repository: the reference lists some that it does not know. */
  async tags(repository: string): Promise<string[]> {
    if ((await this.status(`/v2/${repository}/tags/list`)) === 404) return [];
    const { tags } = (await this.#json(`/v2/${repository}/tags/list`)) as { tags: string[] | null };
    return (tags ?? []).sort();
  }

  /** Reads an image to its last byte. @throws {Error} when anything is missing or not what it is called. */
  async image(repository: string, reference: string): Promise<StoredImage> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const { headers, body } = await this.#get(path);
    const digest = digestOf(body);
    const head = await http(`${this.#url}${path}`, { method: 'HEAD', headers: this.#headers, ...this.#ca });
    same(`${path}: Docker-Content-Digest`, headers['docker-content-digest'], digest);
    same(`${path}: Docker-Content-Digest of HEAD`, head.headers['docker-content-digest'], digest);
    same(`${path}: Content-Length of HEAD`, head.headers['content-length'], String(body.length));
    const { config, layers = [], manifests = [] } = JSON.parse(body.toString()) as Manifest;
    for (const each of [...(config ? [config] : []), ...layers]) await this.#checkBlob(repository, each);
    const images: StoredImage[] = [];
    for (const each of manifests) images.push(await this.image(repository, each.digest));
    return {
      digest,
      mediaType: headers['content-type'] ?? '',
      bytes: body,
      ...(config ? { config: config.digest } : {}),
      layers: layers.map((layer) => layer.digest),
      images,
    };
  }

  /** All that the registry shows: each repository, its tags, and the digests that they stand for, all of it read. */
  async everything(): Promise<Record<string, Record<string, string>>> {
    const found: Record<string, Record<string, string>> = {};
    for (const repository of await this.repositories()) {
      const tags: Record<string, string> = {};
      for (const tag of await this.tags(repository)) tags[tag] = (await this.image(repository, tag)).digest;
      found[repository] = tags;
    }
    return found;
  }

  async #checkBlob(repository: string, { digest, size }: LayoutDescriptor): Promise<void> {
    const path = `/v2/${repository}/blobs/${digest}`;
    const answer = await openHttp(`${this.#url}${path}`, { headers: this.#headers, ...this.#ca });
    same(`${path}: status`, answer.statusCode, 200);
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of answer) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    same(`${path}: size`, bytes, size);
    same(`${path}: digest`, `sha256:${hash.digest('hex')}`, digest);
  }

  async #json(path: string): Promise<unknown> {
    return JSON.parse((await this.#get(path)).body.toString());
  }

  async #get(path: string) {
    const answer = await http(`${this.#url}${path}`, { headers: this.#headers, ...this.#ca });
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.body.toString()}`);
    return answer;
  }
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, not ${String(expected)}`);
}
