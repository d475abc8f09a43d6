import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export type LayoutDescriptor = Readonly<{
  mediaType: string;
  digest: string;
  size: number;
  platform?: Platform;
  annotations?: Readonly<Record<string, string>>;
}>;

export type Platform = Readonly<{ os: string; architecture: string; variant?: string }>;

const LINUX: Platform = { os: 'linux', architecture: 'amd64' };

const TYPES = {
  config: 'application/vnd.oci.image.config.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
} as const;

/** Images made by hand, in the folder form that skopeo, podman and buildah read as `oci:FOLDER:TAG`. */
export class OciLayout {
  readonly folder: string;
  readonly #tagged: LayoutDescriptor[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(folder: string): Promise<OciLayout> {
    await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
    await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    return new OciLayout(folder);
  }

  async addBlob(mediaType: string, bytes: Uint8Array): Promise<LayoutDescriptor> {
    const hash = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(this.folder, 'blobs', 'sha256', hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  }

  /** @param layers uncompressed archives, base layer first. */
  async addImage({
    layers,
    platform = LINUX,
    command = ['/bin/busybox', 'echo', 'hello'],
  }: {
    layers: readonly Uint8Array[];
    platform?: Platform;
    command?: readonly string[];
  }): Promise<LayoutDescriptor> {
    const blobs: LayoutDescriptor[] = [];
    for (const layer of layers) blobs.push(await this.addBlob(TYPES.layer, gzipSync(layer, { level: 1 })));
    const config = await this.#addJson(TYPES.config, {
      ...platform,
      config: { Cmd: command },
      rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    });
    const manifest = { schemaVersion: 2, mediaType: TYPES.manifest, config, layers: blobs };
    return { ...(await this.#addJson(TYPES.manifest, manifest)), platform };
  }

  async addIndex(manifests: readonly LayoutDescriptor[]): Promise<LayoutDescriptor> {
    return this.#addJson(TYPES.index, { schemaVersion: 2, mediaType: TYPES.index, manifests });
  }

  /** @returns the name that tools take: `oci:FOLDER:TAG`. */
  async tag(tag: string, descriptor: LayoutDescriptor): Promise<string> {
    const { platform: _, ...rest } = descriptor;
    this.#tagged.push({ ...rest, annotations: { 'org.opencontainers.image.ref.name': tag } });
    const index = { schemaVersion: 2, mediaType: TYPES.index, manifests: this.#tagged };
    await writeFile(join(this.folder, 'index.json'), JSON.stringify(index));
    return `oci:${this.folder}:${tag}`;
  }

  #addJson(mediaType: string, value: object): Promise<LayoutDescriptor> {
    return this.addBlob(mediaType, Buffer.from(JSON.stringify(value)));
  }
}

/** What the tag stands for in a layout that some tool wrote. */
export async function digestInLayout(folder: string, tag: string): Promise<string | undefined> {
  const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as {
    manifests: LayoutDescriptor[];
  };
  const named = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  return named?.digest;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
