import { ContentNotFoundError } from '../../content/index.js';
import {
  type Digest,
  type Manifest,
  MEDIA_TYPES,
  OciError,
  parseImageConfig,
  parseManifest,
  type RepositoryName,
} from '../../oci/index.js';
import type { RepositoryStore } from '../repositories/index.js';

const CONFIG_TYPES: readonly string[] = [MEDIA_TYPES.ociConfig, MEDIA_TYPES.dockerConfig];
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
/** An index of images, and perhaps one in that. */
const MAX_DEPTH = 3;

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90m`, `12h`, `7d`, `2w`. @returns milliseconds; `undefined` for anything else. */
export function parseLifetime(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text.trim()) ?? [];
  const factor = UNITS_MS[unit];
  return factor === undefined ? undefined : Number(count) * factor;
}

/** What a label or an annotation of an image says; of an index, that of its first image. */
export async function labelOf(
  store: Pick<RepositoryStore, 'index' | 'blobs'>,
  repository: RepositoryName,
  digest: Digest,
  name: string,
  depth = 0,
): Promise<string | undefined> {
  const stored = depth < MAX_DEPTH ? await store.index.findManifest(repository, { digest }) : undefined;
  if (stored === undefined) return undefined;
  const manifest = parseManifest(stored.bytes, stored.mediaType);
  const annotated = manifest.annotations[name];
  if (annotated !== undefined) return annotated;
  const [first] = manifest.children;
  if (first) return labelOf(store, repository, first.digest, name, depth + 1);
  return (await labelsOf(store, repository, manifest))?.[name];
}

async function labelsOf(
  { index, blobs }: Pick<RepositoryStore, 'index' | 'blobs'>,
  repository: RepositoryName,
  { config }: Manifest,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (config === undefined || config.size > MAX_CONFIG_BYTES || !CONFIG_TYPES.includes(config.mediaType))
    return undefined;
  const blob = await index.findBlob(repository, config.digest);
  if (blob === undefined) return undefined;
  try {
    return parseImageConfig(await blobs.read(blob.canonical)).config?.Labels ?? undefined;
  } catch (error) {
    if (error instanceof OciError || error instanceof ContentNotFoundError) return undefined; // nothing is said there
    throw error;
  }
}
