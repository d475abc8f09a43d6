import type { ContainerRecord } from '../../runtime/container/index.js';
import type { Engine } from '../engine.js';

/** All containers as they are now, for those who only count them or ask what they use. */
export async function containerRecords({ containers }: Engine): Promise<readonly ContainerRecord[]> {
  using opened = await containers.open();
  return await opened.host.list(); // the database is closed with this block
}
