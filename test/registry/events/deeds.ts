import { parseDigest, parseRepositoryName, parseTag } from '../../../src/oci/index.js';
import type { Deed } from '../../../src/registry/events/index.js';

const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
const bytes = Buffer.from('{"schemaVersion": 2, "config": {}, "layers": []}');

/** A push of `repository:tag`, or of nothing but a manifest. */
export function push(name: string): Deed {
  const [repository = '', tag] = name.split(':');
  return {
    action: 'push',
    kind: 'manifest',
    repository: parseRepositoryName(repository),
    digest,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    bytes,
    tag: tag === undefined ? undefined : parseTag(tag),
  };
}

/** A push of a blob. */
export function blobPush(repository: string): Deed {
  return { action: 'push', kind: 'blob', repository: parseRepositoryName(repository), digest, size: 7 };
}

export const SOURCE = { addr: 'host:5000', instanceID: 'this-process' };
