import type { LocalStore } from '../image/index.js';
import { ContainerHost } from '../runtime/container/index.js';
import { containerImages } from './container-images.js';
import { openLocalStore, type StoreFlags, storeRoot } from './image-store.js';

/** The containers of this machine, and the images that they are made of. Close it at the end. */
export type OpenedHost = Readonly<{ host: ContainerHost; store: LocalStore }> & Disposable;

export async function openContainerHost(flags: StoreFlags): Promise<OpenedHost> {
  using resources = new DisposableStack();
  const root = storeRoot(flags);
  const store = resources.use(await openLocalStore(flags));
  const host = resources.use(
    ContainerHost.open({
      root,
      images: containerImages(store),
      runDirectory: runDirectory(),
      onNotice: (text) => void process.stderr.write(`berth: ${text}\n`),
      cleanUpCommand: (id) => [...ownCommand(), 'container', 'cleanup', '--root', root, id],
    }),
  );
  const all = resources.move();
  return { host, store, [Symbol.dispose]: () => all.dispose() };
}

/** Where what ends with the machine's boot, or the person's session, is. */
export function runDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return process.getuid?.() === 0 ? '/run' : env.XDG_RUNTIME_DIR || '/tmp';
}

/** This program, as it was started. */
function ownCommand(): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
}
