import type { Config } from '../registry/config/index.js';
import type { Mirrors } from './mirrors.js';
import type { OpenStore } from './open-store.js';

/** What speaks to other registries is loaded only where that is done. */
export async function openMirrors(
  config: Config,
  opened: OpenStore,
  options: Parameters<typeof Mirrors.open>[2],
): Promise<Mirrors | undefined> {
  if (config.berth.mirrors.length === 0) return undefined;
  const { Mirrors } = await import('./mirrors.js');
  return Mirrors.open(config, opened, options);
}
