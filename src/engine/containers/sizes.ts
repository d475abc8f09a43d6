import type { ContainerHost, ContainerRecord } from '../../runtime/container/index.js';

/** In bytes: what it has written, and that with its image. */
export async function sizesOf(host: ContainerHost, record: ContainerRecord) {
  const SizeRw = await host.changedBytes(record);
  return { SizeRw, SizeRootFs: SizeRw + host.imageBytes(record) };
}
