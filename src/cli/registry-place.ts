import { parseReference, type RepositoryName } from '../oci/index.js';
import { UsageError } from './failure.js';

/** A registry, or a part of it that has credentials of its own. `key`: what those are kept under. */
export type RegistryPlace = Readonly<{
  registry: string;
  namespace: RepositoryName | undefined;
  key: string;
}>;

/** `host[:port][/namespace]`, also as people copy it from a browser. @throws {UsageError} */
export function parseRegistryPlace(text: string): RegistryPlace {
  const plain = text.replace(/^(https?|docker):\/\//, '').replace(/(\/v[12])?\/*$/, '');
  const [, host = '', path] = /^([^/]*)(?:\/(.*))?$/.exec(plain) ?? [];
  // A bare word is no registry in the name of an image, but may be one on the local network.
  const named = /[.:]/.test(host) || host === 'localhost' ? host : `${host}:443`;
  try {
    const found = parseReference(`${named}/${path ?? 'any/name'}`);
    const registry = found.registry === named ? host : found.registry;
    if (path === undefined) return { registry, namespace: undefined, key: registry };
    if (!/[:@]/.test(path)) return { registry, namespace: found.repository, key: `${registry}/${path}` };
  } catch {
    // said below
  }
  throw new UsageError(`not a registry: ${JSON.stringify(text)}; write host[:port] or host[:port]/namespace`);
}
