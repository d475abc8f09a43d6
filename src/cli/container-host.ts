import type { LocalStore } from '../image/index.js';
import { ContainerHost } from '../runtime/container/index.js';
import { containerImages } from './container-images.js';
import { openLocalStore, type StoreFlags, storeRoot } from './image-store.js';
import { overlayChoice } from './overlay-choice.js';
import { enterUserNamespace, isForMachine, ownCommandAnywhere, runDirectory } from './user-namespace.js';

/** The containers of this machine, and the images that they are made of. Close it at the end. */
export type OpenedHost = Readonly<{ host: ContainerHost; store: LocalStore }> & Disposable;

/** `usernsRemap`: as of dockerd, whose subordinate ids containers have that do not say otherwise. */
export type ContainerFlags = StoreFlags & Readonly<{ usernsRemap?: string }>;

/** Docker's name for whom the ids of containers belong to, where nobody says. */
const DEFAULT_OWNER = 'dockremap';

/** An ordinary user's process may become another one first: it is to be called before anything is asked or said. */
export async function openContainerHost(flags: StoreFlags): Promise<OpenedHost> {
  await enterUserNamespace(flags);
  return openContainerHostHere(flags);
}

/** For a process that is where it is to be, and goes on there. */
export async function openContainerHostHere(flags: ContainerFlags): Promise<OpenedHost> {
  using resources = new DisposableStack();
  const root = storeRoot(flags);
  const store = resources.use(await openLocalStore(flags));
  const host = resources.use(
    ContainerHost.open({
      root,
      ...overlayChoice(),
      images: containerImages(store),
      runDirectory: runDirectory(),
      isForMachine: isForMachine(),
      idsOf: idsRemap(flags),
      onNotice: (text) => void process.stderr.write(`berth: ${text}\n`),
      cleanUpCommand: (id) => [...ownCommandAnywhere(), 'container', 'cleanup', '--root', root, id],
    }),
  );
  const all = resources.move();
  return { host, store, [Symbol.dispose]: () => all.dispose() };
}

/** Whose ids containers have that do not say otherwise: `USER[:GROUP]`; the machine's, if nobody's. */
export function idsRemap({
  usernsRemap = process.env.BERTH_USERNS_REMAP,
}: ContainerFlags): string | undefined {
  return usernsRemap === 'default' ? DEFAULT_OWNER : usernsRemap || undefined;
}
