import { join } from 'node:path';
import { RootfsView } from '../../src/layer/index.js';
import { packagesIn } from '../../src/sbom/index.js';
import { fileEntry, symlinkEntry, writeLayer } from '../layer/tree.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Files by path: what is in them, or for a link `-> target`. */
export type Tree = Readonly<Record<string, string | Uint8Array>>;

/** The packages of a root filesystem of one layer, and what could not be read. */
export async function scan(tree: Tree) {
  await using folder = await temporaryFolder();
  const entries = Object.entries(tree).map(([path, content]) =>
    typeof content === 'string' && content.startsWith('-> ')
      ? symlinkEntry(path, content.slice(3))
      : ([fileEntry(path, 0, { mode: 0o755 }), content] as const),
  );
  using view = RootfsView.of([await writeLayer(join(folder.path, 'layer.tar'), entries)]);
  const unreadable: string[] = [];
  const inventory = await packagesIn(view, {
    temporaryDirectory: folder.path,
    onUnreadable: (message) => unreadable.push(message),
    signal: new AbortController().signal,
  });
  return { ...inventory, unreadable, purls: inventory.packages.map(({ purl }) => purl) };
}
