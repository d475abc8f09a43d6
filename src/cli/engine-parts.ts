import manifest from '../../package.json' with { type: 'json' };
import type { EngineParts } from '../engine/index.js';
import { LocalStore } from '../image/index.js';
import type { ContainerHost } from '../runtime/container/index.js';
import { cacheRecords } from './builder-usage.js';
import { chooseContainers } from './container-filters.js';
import { type ContainerFlags, idsRemap } from './container-host.js';
import { statusText } from './container-status.js';
import { storeRoot } from './image-store.js';
import { isForMachine } from './user-namespace.js';

/** What is on this machine, for the engine and for commands that ask the same, in the process where that is to be seen. */
export function engineParts(
  host: ContainerHost,
  flags: ContainerFlags,
  insecureRegistries: readonly string[] = [],
): EngineParts {
  const root = storeRoot(flags);
  return {
    identity: {
      version: manifest.version,
      root,
      insecureRegistries,
      isRemapped: idsRemap(flags) !== undefined,
      isRootless: !isForMachine(),
    },
    openStore: () => LocalStore.open(root),
    builder: { cache: () => cacheRecords(root) },
    containers: { host, statusText, choose: chooseContainers },
  };
}
