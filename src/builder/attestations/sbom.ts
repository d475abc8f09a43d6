import type { Digest, ImageConfig, Platform } from '../../oci/index.js';
import { packagesIn, spdxDocument } from '../../sbom/index.js';
import type { Layer } from '../layer.js';
import type { Layers } from '../layers.js';

export const SBOM_TYPE = 'https://spdx.dev/Document';

type About = Readonly<{
  name: string;
  digest: Digest;
  platform: Platform;
  config: ImageConfig;
  /** `berth-1.2.3`. */
  tool: string;
}>;

type Parts = Readonly<{
  layers: Layers;
  temporaryDirectory: string;
  warn: (message: string) => void;
  signal: AbortSignal;
}>;

/** What an image consists of, as an SPDX document. It is as old as the image. */
export async function sbomOf(
  stack: readonly Layer[],
  { name, digest, platform, config, tool }: About,
  { layers, temporaryDirectory, warn, signal }: Parts,
): Promise<object> {
  const inventory = await packagesIn(await layers.view(stack), {
    temporaryDirectory,
    onUnreadable: (message) => warn(`the SBOM is not complete: ${message}`),
    signal,
  });
  const created = (config.created ?? new Date(0).toISOString()).replace(/\.\d+(?=Z$)/, '');
  return spdxDocument(inventory, { name, digest, platform, created, tool });
}
