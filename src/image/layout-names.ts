import { type Descriptor, formatReference, parseManifest, parseReference } from '../oci/index.js';

/** Of an entry in a layout's index.json: its tag or name. image-spec annotations.md. */
export const REF_NAME = 'org.opencontainers.image.ref.name';
/** Of the same: the whole name, from containerd and docker. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** What a layout's index.json lists. @throws {OciError} it is no index. */
export function entriesIn(index: Uint8Array): readonly Descriptor[] {
  const { children } = parseManifest(index, '');
  return children;
}

/**
 * What a key means in a layout: the text of a name, a whole name, a digest; `''` is the only image.
 * @returns `undefined` for nothing, or when `''` could be several.
 */
export function findIn(images: readonly Descriptor[], key: string): Descriptor | undefined {
  if (key === '') return new Set(images.map(({ digest }) => digest)).size === 1 ? images[0] : undefined;
  return (
    images.find(({ annotations }) => annotations?.[REF_NAME] === key) ??
    images.find((image) => wholeNameOf(image) === wholeName(key)) ??
    images.find(({ digest }) => digest === key)
  );
}

/** `docker.io/library/alpine:latest`, where the layout says so much. */
export function wholeNameOf({ annotations }: Descriptor): string | undefined {
  const name = annotations?.[CONTAINERD_NAME] ?? annotations?.[REF_NAME];
  // A word alone is a tag, not the name of an image.
  return name !== undefined && /[:/]/.test(name) ? wholeName(name) : undefined;
}

/** An entry of index.json. Keys are used as they are by whoever reads the layout; those that look like names are whole. */
export function named(descriptor: Descriptor, key: string): Descriptor {
  const { mediaType, digest, size, artifactType } = descriptor;
  const isNamed = key !== '' && key !== digest;
  const annotations = { ...descriptor.annotations, ...(isNamed && { [REF_NAME]: key }) };
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

function wholeName(text: string): string | undefined {
  try {
    return formatReference(parseReference(text));
  } catch {
    return undefined;
  }
}
