import type { Context } from 'koa';
import type { Uploads } from '../../content/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { AccessRules, Identity } from '../auth/index.js';
import type { Catalog, PullTimes, RepositoryBlobs, RepositoryManifests } from '../repositories/index.js';
import type { Upstreams } from '../upstreams/index.js';
import type { Peer } from './public-url.js';
import type { RegistryRequest, RequestKind } from './request.js';
import type { SendBuffers } from './send.js';
import type { RepositoryWarning } from './warnings.js';
import type { Witness } from './witness.js';

/** The parts that answer requests. */
export type Registry = Readonly<{
  blobs: RepositoryBlobs;
  manifests: RepositoryManifests;
  uploads: Uploads;
  catalog: Catalog;
  pulls: PullTimes;
  access: AccessRules;
  buffers: SendBuffers;
  /** Where parts of the registry are copies of others. */
  upstreams: Upstreams | undefined;
  /** Where events are sent, or an audit log is kept. */
  witness: Witness | undefined;
  settings: RegistrySettings;
}>;

export type RegistrySettings = Readonly<{
  /** Goes before the path of every Location: '' for clients to stay on the host they asked. */
  baseUrl: string;
  /** The API stands below this path: '', or `/x` as `http.prefix` says, without a slash at its end. */
  prefix: string;
  /** Prefixes of repositories by what clients call a registry that is copied there. */
  namespaces: ReadonlyMap<string, string>;
  deleteEnabled: boolean;
  readOnly: boolean;
  /** Whether clients may be sent to where the bytes are, if storage can do that. */
  redirect: boolean;
  maxManifestBytes: number;
  maxOpenUploads: number;
  maxCatalogEntries: number;
  maxTags: number;
  search: boolean;
  warnings: readonly RepositoryWarning[];
}>;

/** What middleware found out about a request before its handler runs. */
export type RequestState = {
  id: string;
  peer: Peer;
  identity: Identity;
  /** Whether valid credentials said so; those of nobody too. */
  proven: boolean;
  handler: string;
  repository?: RepositoryName;
};
export type RegistryContext = Context & { state: RequestState };

export type RequestOf<K extends RequestKind> = Extract<RegistryRequest, { kind: K }>;
export type Handler<K extends RequestKind> = (ctx: RegistryContext, request: RequestOf<K>) => Promise<void>;
