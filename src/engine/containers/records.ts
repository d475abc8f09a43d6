import type { ContainerRecord } from '../../runtime/container/index.js';
import type { EngineParts } from '../engine.js';

/** All containers as they are now, for those who only count them or ask what they use. */
export async function containerRecords({
  containers,
}: Pick<EngineParts, 'containers'>): Promise<readonly ContainerRecord[]> {
  using opened = await containers.open();
  return await opened.host.list(); // the database is closed with this block
}
