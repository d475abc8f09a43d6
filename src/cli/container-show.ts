import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ContainerHost, type ContainerRecord, inspectContainer } from '../runtime/container/index.js';
import { inspectNetwork } from '../runtime/networks/index.js';
import { RuntimeDatabase } from '../runtime/runtime-database.js';
import { inspectVolume } from '../runtime/volumes/index.js';
import { openContainerHost } from './container-host.js';
import { type StoreFlags, storeRoot } from './image-store.js';

/** Whether something is called so, and is a container. */
export async function isContainer(name: string, flags: StoreFlags): Promise<boolean> {
  return (await findContainerJson(name, flags)) !== undefined;
}

export type ShowFlags = StoreFlags & Readonly<{ size?: boolean }>;

/** Docker's JSON of a container, if there is one. */
export async function findContainerJson(name: string, flags: ShowFlags): Promise<object | undefined> {
  if (!existsSync(join(storeRoot(flags), 'containers'))) return undefined;
  using opened = await openContainerHost(flags);
  try {
    const record = await opened.host.get(name);
    const shown = inspectContainer(record, opened.host.folder(record.id), opened.host.networks);
    return flags.size === true ? { ...shown, ...(await sizesOf(opened.host, record)) } : shown;
  } catch (error) {
    if (error instanceof Error && error.name === 'ContainerNotFoundError') return undefined;
    throw error;
  }
}

/** Of a network, if there is one. */
export async function findNetworkJson(name: string, flags: StoreFlags): Promise<object | undefined> {
  if (!existsSync(RuntimeDatabase.pathIn(storeRoot(flags)))) return undefined;
  using opened = await openContainerHost(flags);
  const { networks } = opened.host;
  const network = networks.find(name);
  return network && inspectNetwork(network, networks.members(network));
}

/** Of a volume, if there is one. */
export async function findVolumeJson(name: string, flags: StoreFlags): Promise<object | undefined> {
  if (!existsSync(RuntimeDatabase.pathIn(storeRoot(flags)))) return undefined;
  using opened = await openContainerHost(flags);
  const volume = opened.host.volumes.list({}).find((one) => one.name === name);
  return volume && inspectVolume(volume);
}

/** What it has written, and that with its image. */
async function sizesOf(host: ContainerHost, record: ContainerRecord) {
  const SizeRw = await host.changedBytes(record);
  return { SizeRw, SizeRootFs: SizeRw + host.imageBytes(record) };
}
