import { existsSync } from 'node:fs';
import type { ImageEndpoint } from '../content/index.js';
import {
  ArchiveImages,
  ArchiveOutput,
  DockerArchiveWriter,
  LayoutDirectory,
  OciArchiveWriter,
} from '../image/index.js';
import { formatReference, keyText, parseReference, type Reference } from '../oci/index.js';
import { UsageError } from './failure.js';
import type { TransferSession } from './transfer-session.js';

/** Where an image is, as skopeo writes it; a name alone is an image of this machine. */
export type Place =
  | Readonly<{ transport: 'docker'; reference: Reference }>
  | Readonly<{ transport: 'local'; name: string }>
  | Readonly<{ transport: 'oci' | 'oci-archive' | 'docker-archive'; path: string; key: string }>;

/** @throws {UsageError} a transport that there is not. @throws {OciError} */
export function parsePlace(text: string): Place {
  if (text.startsWith('docker://')) return { transport: 'docker', reference: parseReference(text.slice(9)) };
  const [, transport, rest = ''] = /^(oci|oci-archive|docker-archive):(.+)$/.exec(text) ?? [];
  if (transport !== undefined) {
    // What looks like the transport may be an image that is called so.
    const colon = rest.indexOf(':');
    const [path, key] = colon < 0 ? [rest, ''] : [rest.slice(0, colon), rest.slice(colon + 1)];
    return { transport: transport as 'oci', path, key };
  }
  const [unknown] = /^[a-z-]+:(?=\/)|^(containers-storage|docker-daemon|dir|ostree|sif):/.exec(text) ?? [];
  if (unknown !== undefined) {
    throw new UsageError(
      `${unknown} is not supported: use docker://, oci:, oci-archive:, docker-archive:, or the name of a local image`,
    );
  }
  return { transport: 'local', name: text };
}

export type Source = Readonly<{
  endpoint: ImageEndpoint;
  key: string;
  /** The image's name there, for targets that need one. */
  name: string | undefined;
}>;

/** The session closes it. */
export async function openSource(session: TransferSession, place: Place): Promise<Source> {
  switch (place.transport) {
    case 'docker': {
      const endpoint = await session.repository(place.reference, 'src');
      return { endpoint, key: keyText(place.reference.key), name: formatReference(place.reference) };
    }
    case 'local': {
      const endpoint = await session.store();
      const { descriptor, names } = endpoint.get(place.name);
      return { endpoint, key: descriptor.digest, name: names[0] };
    }
    case 'oci':
      return { endpoint: LayoutDirectory.open(place.path), key: place.key, name: place.key };
    default: {
      const { signal } = session;
      const opening = ArchiveImages.open(place.path, { temporary: await temporary(session), signal });
      const endpoint = session.own(await opening);
      const key = archiveKey(place.key);
      return { endpoint, key, name: key || endpoint.images[0]?.names[0] };
    }
  }
}

export type Target = Readonly<{ endpoint: ImageEndpoint; keys: readonly string[] }>;

/** @param name of the source, for a place without one. */
export async function openTarget(
  session: TransferSession,
  place: Place,
  name: string | undefined,
): Promise<Target> {
  switch (place.transport) {
    case 'docker':
      return {
        endpoint: await session.repository(place.reference, 'dest'),
        keys: [keyText(place.reference.key)],
      };
    case 'local':
      return { endpoint: await session.store(), keys: [formatReference(parseReference(place.name))] };
    case 'oci':
      return { endpoint: LayoutDirectory.create(place.path), keys: [place.key] };
    default: {
      if (existsSync(place.path)) {
        throw new UsageError(
          `${place.path} is there already: archives are written at once, so remove it first`,
        );
      }
      const options = {
        name: `${place.transport}:${place.path}`,
        output: await ArchiveOutput.toFile(place.path, { signal: session.signal }),
        temporary: await temporary(session),
      };
      if (place.transport === 'oci-archive') {
        return { endpoint: session.own(new OciArchiveWriter(options)), keys: [place.key] };
      }
      const key = archiveKey(place.key) || (name === undefined || name.includes('@') ? '' : name);
      return { endpoint: session.own(new DockerArchiveWriter(options)), keys: [key] };
    }
  }
}

/** Docker archives have whole names; those of OCI are any words. */
function archiveKey(key: string): string {
  return /[:/]/.test(key) ? formatReference(parseReference(key)) : key;
}

async function temporary(session: TransferSession): Promise<() => string> {
  const store = await session.store();
  return () => store.temporaryDirectory();
}
