import { streamOf } from '../../content/index.js';
import type { ContentUse } from '../../index/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { Upstream } from '../upstreams/index.js';
import type { RepairSource } from './repairer.js';

/** Another registry as where bytes are to be had. */
export class UpstreamSource implements RepairSource {
  readonly name: string;
  readonly #upstream: Upstream;
  readonly #nameThere: (repository: RepositoryName) => RepositoryName | undefined;

  /** @param nameThere what a repository is called there; `undefined` for one that it has nothing of. */
  constructor(upstream: Upstream, nameThere: (repository: RepositoryName) => RepositoryName | undefined) {
    this.name = upstream.host;
    this.#upstream = upstream;
    this.#nameThere = nameThere;
  }

  async open(
    { repository, digest, kind }: ContentUse,
    options: { signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    const name = this.#nameThere(repository);
    if (name === undefined) return undefined;
    if (kind === 'blob') return (await this.#upstream.blob(name, digest, options))?.bytes;
    const manifest = await this.#upstream.manifest(name, { digest }, options);
    return manifest && streamOf(manifest.bytes);
  }
}
