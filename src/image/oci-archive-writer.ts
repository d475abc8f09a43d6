import { type Descriptor, MEDIA_TYPES } from '../oci/index.js';
import { ArchiveWriter } from './archive-writer.js';
import { named } from './layout-names.js';

/** An OCI layout in a tar file. */
export class OciArchiveWriter extends ArchiveWriter {
  readonly #named: Descriptor[] = [];

  override async tag(descriptor: Descriptor, key: string): Promise<void> {
    this.#named.push(named(descriptor, key));
  }

  override async finish(): Promise<void> {
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: this.#named };
    await this.writeFile('oci-layout', '{"imageLayoutVersion":"1.0.0"}');
    await this.writeFile('index.json', JSON.stringify(index));
    await this.output.finish();
  }

  protected override async pushManifest(descriptor: Descriptor, bytes: Buffer): Promise<void> {
    await this.pushBlob(descriptor, once(bytes));
  }

  protected override pushBlob(descriptor: Descriptor, source: AsyncIterable<Uint8Array>): Promise<void> {
    return this.writeBlob(descriptor, source);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
