import { applyChanges } from '../builder/index.js';
import { formatReference, parseReference } from '../oci/index.js';
import { commitContainer } from '../runtime/container/index.js';
import { openContainerHost } from './container-host.js';
import type { StoreFlags } from './image-store.js';
import { Interruption } from './interruption.js';

export type CommitFlags = StoreFlags &
  Readonly<{ author?: string; change: readonly string[]; message?: string; pause?: boolean }>;

/** `berth commit`: prints the id of the image. */
export async function commit(name: string, image: string | undefined, flags: CommitFlags): Promise<void> {
  const { author = '', message = '', pause = true, change: changes } = flags;
  using interruption = new Interruption();
  using opened = await openContainerHost(flags);
  const id = await commitContainer(opened.host, opened.store, name, {
    names: image === undefined ? [] : [formatReference(parseReference(image))],
    author,
    comment: message,
    change: (config) => applyChanges(changes, config),
    pause,
    signal: interruption.signal,
  });
  process.stdout.write(`${id}\n`);
}
