import { existsSync } from 'node:fs';
import type { Digest } from '../../oci/index.js';
import { RuntimeDatabase } from '../runtime-database.js';
import { isAlive } from './container-record.js';
import { ContainerStore } from './container-store.js';

/** An image that a container was made of. */
export type ImageInUse = Readonly<{
  id: Digest;
  chainIDs: readonly Digest[];
  container: string;
  isRunning: boolean;
}>;

/** Which images the containers of a $BERTH_ROOT need, whether or not they run. */
export function imagesInUse(root: string): ImageInUse[] {
  if (!existsSync(RuntimeDatabase.pathIn(root))) return [];
  using db = new RuntimeDatabase(root);
  return new ContainerStore(db).all().map((record) => ({
    id: record.image.id,
    chainIDs: record.image.chainIDs,
    container: record.id,
    isRunning: isAlive(record),
  }));
}
