import manifest from '../../package.json' with { type: 'json' };
import { type CredentialSource, RegistryClient } from '../client/index.js';
import { Attachments, type Engine, EngineServer, EventBus, Execs } from '../engine/index.js';
import { createLogger } from '../registry/operations/index.js';
import { Attendant, ownerOfIDs } from '../runtime/container/index.js';
import { idsRemap, openContainerHostHere } from './container-host.js';
import { LocalBuilder } from './engine-build.js';
import { keepContainers } from './engine-duties.js';
import { engineParts } from './engine-parts.js';
import { engineSockets, listenOn, passedDescriptors } from './engine-sockets.js';
import { type StoreFlags, storeRoot } from './image-store.js';
import { systemTrust } from './registries.js';
import { stopSignal } from './serve-start.js';
import { enterUserNamespace, isForMachine } from './user-namespace.js';

export type EngineFlags = StoreFlags &
  Readonly<{
    host: readonly string[];
    group?: string;
    usernsRemap?: string;
    insecureRegistry: readonly string[];
    drainTimeout: number;
    logFormat: 'text' | 'json';
  }>;

/** `berth engine`: answers until it is told to stop. */
export async function runEngine(flags: EngineFlags): Promise<void> {
  const log = createLogger({ level: 'info', formatter: flags.logFormat, fields: {} });
  const root = storeRoot(flags);
  // A place where nothing can be kept is told of now.
  await enterUserNamespace(flags, passedDescriptors(process.env));
  ownerOfIDs({}, { isForMachine: isForMachine(), idsOf: idsRemap(flags) }); // or no container could be made
  using opened = await openContainerHostHere(flags);
  const openClient = await clientOpener(flags);
  const over = new AbortController();
  const attendant = new Attendant(opened.host, {
    signal: over.signal,
    onFailure: (container, error) => log.error({ container, err: error }, 'its end cannot be seen to'),
  });
  const parts = engineParts(opened.host, flags, flags.insecureRegistry);
  const engine: Engine = {
    ...parts,
    openClient,
    builder: new LocalBuilder(root, openClient),
    containers: { ...parts.containers, attend: (id, care) => attendant.attend(id, care) },
    attachments: new Attachments(),
    execs: new Execs(),
    events: new EventBus(opened.host.events),
    log,
  };
  const server = new EngineServer(engine);
  const stopped = stopSignal();
  const sockets = engineSockets(flags.host, process.env);
  for (const socket of sockets) {
    const address = await listenOn(server.newServer(), socket, flags.group);
    log.info({ address, root, version: manifest.version }, 'listening');
    greet(address);
  }
  const kept = keepContainers(opened.host, log, over.signal);
  const signal = await stopped;
  log.info({ signal }, 'stopping: requests under way are finished first');
  const cut = await server.close(flags.drainTimeout * 1000);
  over.abort();
  await Promise.all([kept, attendant.left()]);
  if (cut > 0) log.warn({ requests: cut }, 'requests that were not done after --drain-timeout were cut off');
}

/** Logins come with the requests; what this machine trusts is read anew for each. */
async function clientOpener({ insecureRegistry }: EngineFlags): Promise<Engine['openClient']> {
  const trust = await systemTrust();
  const insecure = (registry: string) => insecureRegistry.includes(registry);
  return async (credentials: CredentialSource, signal: AbortSignal) =>
    new RegistryClient({
      credentials,
      trust,
      insecure,
      proxyEnv: process.env,
      userAgent: `berth/${manifest.version}`,
      signal,
    });
}

/** Tells a person what to type next. */
function greet(address: string): void {
  if (!process.stderr.isTTY || address.startsWith('fd:')) return;
  process.stderr.write(`
The Docker Engine API is on ${address}. Next, in another terminal:

  export DOCKER_HOST=unix://${address} DOCKER_BUILDKIT=0
  docker images

Ctrl-C stops it.

`);
}
