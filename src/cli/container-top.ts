import { topContainer } from '../runtime/container/index.js';
import { openContainerHost } from './container-host.js';
import { formatTable } from './format-table.js';
import type { StoreFlags } from './image-store.js';
import { printable } from './printable.js';

/** Docker's. */
const MIN_WIDTH = 20;

/** `berth top`. */
export async function showTop(name: string, args: readonly string[], flags: StoreFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  const { Titles, Processes } = await topContainer(opened.host, name, args);
  const rows = [Titles, ...Processes].map((row) => row.map(printable));
  process.stdout.write(formatTable(rows, MIN_WIDTH));
}
