import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inspectContainer } from '../runtime/container/index.js';
import { openContainerHost } from './container-host.js';
import { type StoreFlags, storeRoot } from './image-store.js';

/** Whether something is called so, and is a container. */
export async function isContainer(name: string, flags: StoreFlags): Promise<boolean> {
  return (await findContainerJson(name, flags)) !== undefined;
}

/** Docker's JSON of a container, if there is one. */
export async function findContainerJson(name: string, flags: StoreFlags): Promise<object | undefined> {
  if (!existsSync(join(storeRoot(flags), 'containers'))) return undefined;
  using opened = await openContainerHost(flags);
  try {
    const record = await opened.host.get(name);
    return inspectContainer(record, opened.host.folder(record.id), opened.host.networks);
  } catch (error) {
    if (error instanceof Error && error.name === 'ContainerNotFoundError') return undefined;
    throw error;
  }
}
