import {
  type ImageEndpoint,
  ImageNotFoundError,
  MAX_MANIFEST_BYTES,
  OciLayout,
  type OpenContent,
  type Pushed,
  type PushOptions,
} from '../content/index.js';
import { type Descriptor, type Digest, MEDIA_TYPES } from '../oci/index.js';
import type { ArchivedImage } from './archive-images.js';
import { ImageFormatError } from './errors.js';
import { type LayoutEntries, sortEntries } from './layout-entries.js';
import { entriesIn, findIn, named, REF_NAME, wholeNameOf } from './layout-names.js';
import { bare } from './manifests.js';
import { merged } from './oci-archive-index.js';

/** An OCI layout directory, with any programs' images in it. Its keys are the names in index.json. */
export class LayoutDirectory implements ImageEndpoint {
  readonly name: string;
  readonly #layout: OciLayout;

  private constructor(path: string, layout: OciLayout) {
    this.name = `oci:${path}`;
    this.#layout = layout;
  }

  /** @throws {ImageFormatError} there is none. */
  static open(path: string): LayoutDirectory {
    const layout = new OciLayout(path);
    if (layout.readIndex() === undefined)
      throw new ImageFormatError(`${path} is no OCI layout: it has no index.json`);
    return new LayoutDirectory(path, layout);
  }

  /** Makes the directory, unless there is one. */
  static create(path: string): LayoutDirectory {
    return new LayoutDirectory(path, OciLayout.create(path));
  }

  /** What index.json lists, but for manifests that are about others of them. */
  images(): readonly Descriptor[] {
    return this.#sorted().images;
  }

  /** The same with their names, each image once. */
  namedImages(): readonly ArchivedImage[] {
    return merged(
      this.images().map((descriptor) => {
        const name = wholeNameOf(descriptor);
        return { descriptor: bare(descriptor), names: name === undefined ? [] : [name] };
      }),
    );
  }

  async resolve(key: string): Promise<Descriptor> {
    const found = findIn(this.images(), key);
    if (found === undefined) throw new ImageNotFoundError(key === '' ? this.name : `${this.name}:${key}`);
    return bare(found);
  }

  async has({ digest, size }: Descriptor): Promise<boolean> {
    return this.#layout.sizeOf(digest) === size;
  }

  async fetch({ digest }: Descriptor, options: { offset?: number; signal?: AbortSignal } = {}) {
    return this.#layout.open(digest, options);
  }

  async push(descriptor: Descriptor, open: OpenContent, options: PushOptions = {}): Promise<Pushed> {
    if (await this.has(descriptor)) return 'present';
    await this.#layout.put(descriptor, await open(0), options);
    return 'sent';
  }

  async tag(descriptor: Descriptor, key: string): Promise<void> {
    const entry = named(descriptor, key);
    const others = this.#entries().filter((image) => !isReplaced(image, entry));
    const manifests = [...others, entry];
    this.#layout.writeIndex(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
  }

  async referrers(subject: Digest): Promise<readonly Descriptor[]> {
    return this.#sorted().referrers.get(subject) ?? [];
  }

  async finish(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #entries(): readonly Descriptor[] {
    const index = this.#layout.readIndex();
    return index === undefined ? [] : entriesIn(index);
  }

  #sorted(): LayoutEntries {
    return sortEntries(this.#entries(), ({ digest, size }) =>
      this.#layout.sizeOf(digest) === size && size <= MAX_MANIFEST_BYTES
        ? this.#layout.read(digest)
        : undefined,
    );
  }
}

/** A name moves; the same content without a name needs one entry only. */
function isReplaced(old: Descriptor, entry: Descriptor): boolean {
  const name = entry.annotations?.[REF_NAME];
  return name === undefined ? old.digest === entry.digest : old.annotations?.[REF_NAME] === name;
}
