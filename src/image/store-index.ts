import type { OciLayout } from '../content/index.js';
import { type Descriptor, MEDIA_TYPES } from '../oci/index.js';
import type { ImageRecord } from './image-records.js';
import { entriesIn, REF_NAME } from './layout-names.js';
import { bare } from './manifests.js';

/** Writes the names into index.json, so that the store is an OCI layout for every program that reads those. */
export function writeStoreIndex(layout: OciLayout, records: readonly ImageRecord[]): void {
  const manifests = records.flatMap(({ descriptor, names }) =>
    names.length === 0
      ? [descriptor]
      : names.map((name) => ({ ...descriptor, annotations: { [REF_NAME]: name } })),
  );
  layout.writeIndex(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
}

/** What {@link writeStoreIndex} wrote; nothing where there is no index that can be read. */
export function namesInIndex(
  layout: OciLayout,
): readonly Readonly<{ descriptor: Descriptor; name: string | undefined }>[] {
  const bytes = layout.readIndex();
  try {
    return entriesIn(bytes ?? Buffer.alloc(0)).map((image) => ({
      descriptor: bare(image),
      name: image.annotations?.[REF_NAME],
    }));
  } catch {
    return [];
  }
}
