import { join } from 'node:path';
import type { SqlFile } from '../../sqlite/index.js';
import type { Filters } from '../filters.js';
import { bootId, runtimeDirectory } from '../runtime-directory.js';
import { RuntimeEvents } from '../runtime-events.js';
import { type Attachment, Attachments, type AttachOptions } from './attachments.js';
import type { Endpoint, EndpointRequest, NetworkedContainer } from './endpoint.js';
import type { HeldPorts } from './held-ports.js';
import type { Member } from './inspect-network.js';
import { MachinePlumbing } from './machine-plumbing.js';
import type { NetworkPlumbing } from './netavark.js';
import {
  isPredefined,
  type Network,
  type NetworkDriver,
  type NetworkRequest,
  PREDEFINED,
  parseNetworkRequest,
} from './network.js';
import { expectDevices, poolsFor } from './network-creation.js';
import { NetworkForbiddenError, NetworkNotFoundError } from './network-errors.js';
import { networkListFilter, networkPruneFilter } from './network-filters.js';
import { NetworkNamespaces } from './network-namespaces.js';
import { NetworkStore, newNetworkId } from './network-store.js';
import type { HasOthers } from './own-bridges.js';
import { planEndpoint } from './plan-endpoint.js';
import type { PublishedPort } from './published-port.js';
import { UserPlumbing } from './user-plumbing.js';

/** After that a container is started all the same: it may never ask. */
const NAMING_SECONDS = 2;

export type NetworksOptions = Readonly<{
  /** For what ends with the machine's boot; of this $BERTH_ROOT alone. */
  directory: string;
  /** A file that all of the machine lock: devices and firewall rules are one for all. */
  lock: string;
  /** Whether root has it, rather than an ordinary user who is root of a user namespace. */
  isForMachine: boolean;
  /** How long a container waits for its name servers to know it. */
  namingSeconds?: number;
  plumbing?: NetworkPlumbing;
  now?: () => Date;
}>;

/** @param run `/run`, or the user's. */
export function networksPlace(root: string, run: string): Pick<NetworksOptions, 'directory' | 'lock'> {
  const directory = join(runtimeDirectory(root, run), 'networks');
  return { directory, lock: join(run, 'berth', 'networks.lock') };
}

/**
 * The networks of this machine, and the containers in them. Several processes may use it at once, and each may be killed at
 * any point: {@link reconcile} takes away what nobody has any more.
 */
export class Networks {
  readonly #store: NetworkStore;
  readonly #events: RuntimeEvents;
  readonly #attachments: Attachments;
  readonly #plumbing: NetworkPlumbing;
  readonly #now: () => Date;
  readonly #predefinedIds = new Map<string, string>();
  #hasPredefined = false;

  constructor(db: SqlFile, options: NetworksOptions) {
    const { directory, lock, isForMachine, namingSeconds = NAMING_SECONDS, now = () => new Date() } = options;
    this.#store = new NetworkStore(db, bootId());
    this.#events = new RuntimeEvents(db);
    const published = () => this.#store.attachments().flatMap(({ ports }) => ports);
    const hasOthers: HasOthers = (network, container) =>
      this.#store.members(network).some((member) => member.container !== container);
    const usual = isForMachine
      ? new MachinePlumbing(join(directory, 'names'), hasOthers)
      : new UserPlumbing(directory, hasOthers, published);
    const namespaces = isForMachine
      ? NetworkNamespaces.ofMachine(directory)
      : new NetworkNamespaces(join(directory, 'namespaces'));
    this.#plumbing = options.plumbing ?? usual;
    const relays = join(directory, 'relays');
    this.#attachments = new Attachments(this.#store, this.#plumbing, {
      namespaces,
      relays,
      lock,
      namingSeconds,
    });
    this.#now = now;
  }

  /**
   * @throws {InvalidNetworkError} @throws {NetworkConflictError} there is one of that name.
   * @throws {NetworkForbiddenError} its addresses or devices are taken. @throws {RuntimeUnavailableError} the kernel cannot.
   */
  async create(request: NetworkRequest): Promise<Network> {
    const wanted = parseNetworkRequest(request);
    const draft = { ...wanted, id: newNetworkId(), createdAt: this.#now().toISOString() };
    await expectDevices(draft, this.#all());
    return this.#store.transaction(() => {
      const network = { ...draft, pools: poolsFor(draft, this.#all()) };
      this.#store.add(network);
      this.#post('create', network);
      return network;
    });
  }

  /** @param text name, id, or the beginning of an id. @throws {NetworkConflictError} of several ids. */
  find(text: string): Network | undefined {
    this.#ensurePredefined();
    return this.#store.find(text);
  }

  /** @throws {NetworkNotFoundError} @throws {NetworkConflictError} */
  get(text: string): Network {
    this.#ensurePredefined();
    return this.#store.get(text);
  }

  /** The id of a network that is always there, which stays the same. */
  predefinedId(name: 'bridge' | 'host' | 'none'): string {
    const id = this.#predefinedIds.get(name) ?? this.get(name).id;
    this.#predefinedIds.set(name, id);
    return id;
  }

  /** By name. @throws {FilterError}. */
  list(filters: Filters = {}): Network[] {
    const accepts = networkListFilter(filters);
    return this.#all().filter((network) => accepts({ network, isUsed: this.#store.isUsed(network) }));
  }

  /** Servers that containers may ask about names where nobody chose others; none: those of the machine. */
  get nameServers(): readonly string[] {
    return this.#plumbing.nameServers;
  }

  /** Who is in it. */
  members(network: Network): Member[] {
    return this.#store.members(network);
  }

  /** @throws {NetworkNotFoundError} @throws {NetworkForbiddenError} a container is in it, or it is always there. */
  remove(text: string): Network {
    return this.#store.transaction(() => {
      const network = this.get(text);
      if (isPredefined(network.name))
        throw new NetworkForbiddenError(`${network.name} is a pre-defined network and cannot be removed`);
      const members = this.members(network).map(
        ({ name, container }) => `name:"${name}" id:"${container.slice(0, 12)}"`,
      );
      if (members.length > 0)
        throw new NetworkForbiddenError(
          `error while removing network: network ${network.name} has active endpoints (${members.join(', ')})`,
        );
      this.#store.remove(network);
      this.#post('destroy', network);
      return network;
    });
  }

  /** Removes networks that no container is in. @returns their names. @throws {FilterError}. */
  prune(filters: Filters = {}): string[] {
    const accepts = networkPruneFilter(filters, this.#now());
    return this.#store.transaction(() =>
      this.#all()
        .filter((network) => accepts({ network, isUsed: this.#store.isUsed(network) }))
        .map(({ id }) => this.remove(id).name),
    );
  }

  // Containers in them

  /**
   * Gives a container that is about to start a network namespace, and connects that: all, or nothing. `held` is to be handed
   * to what lives as long as the container, and then closed: who can take a port is taken to be the only one who has it.
   * @param ports those of {@link publishedPorts}.
   * @throws {PortTakenError} @throws {NetworkNotFoundError} @throws {NetworkForbiddenError} @throws {InvalidNetworkError}
   * @throws {RuntimeUnavailableError} a program or a privilege is missing. @throws {RuntimeError} netavark failed.
   */
  async attach(
    container: NetworkedContainer,
    requests: readonly EndpointRequest[],
    ports: readonly PublishedPort[],
    options: AttachOptions = {},
  ): Promise<Attachment & Readonly<{ held: HeldPorts }>> {
    this.#ensurePredefined();
    return this.#attachments.attach(container, requests, ports, options);
  }

  /** What a container has; nothing when it has no networks of ours now. */
  attachmentOf(container: string): Attachment | undefined {
    return this.#attachments.find(container);
  }

  /** Takes all away that a container has of networks, whole or half-made. Safe to repeat. @throws {RuntimeError} */
  async detach(container: string): Promise<void> {
    await this.#attachments.detach(container);
  }

  /** Before the networks of a container that runs are changed: makes its namespace known here. @param pid in that. */
  async adopt(container: string, pid: number): Promise<void> {
    await this.#attachments.adopt(container, pid);
  }

  /** Connects a container that runs to one more network. @throws as {@link attach}. */
  async connect(container: NetworkedContainer, request: EndpointRequest): Promise<Endpoint> {
    this.#ensurePredefined();
    return this.#attachments.connect(container, request);
  }

  /** @throws {NetworkNotFoundError} @throws {NetworkForbiddenError} it is not in it. */
  async disconnect(container: string, network: string): Promise<void> {
    await this.#attachments.disconnect(container, this.get(network));
  }

  /**
   * After kill -9 of anything, or a reboot: what other containers had is taken away, and names are answered again.
   * @param living ids of the containers that run, or are being started. @throws {RuntimeError}
   */
  async reconcile(living: Iterable<string>): Promise<void> {
    await this.#attachments.reconcile(living);
  }

  /** Takes away what belongs to no container that is attached; names are answered again. @throws {RuntimeError} */
  async tidy(): Promise<void> {
    await this.#attachments.tidy();
  }

  /** Ids of the containers that have, or may have, something of networks. */
  attached(): string[] {
    return this.#store.attached();
  }

  /** Starts again what takes published ports of IPv6 to containers, where it was killed. @throws {RuntimeError} */
  async reviveRelays(): Promise<void> {
    await this.#attachments.reviveRelays();
  }

  /** Before a container that does not run is connected. @throws {InvalidNetworkError} @throws {NetworkForbiddenError} */
  expectConnectable(container: NetworkedContainer, request: EndpointRequest): void {
    const network = this.get(request.network);
    planEndpoint(network, request, container, { addresses: new Set(), interfaces: [] });
  }

  /** What is asked of networks can be had, before a container is made. @throws {NetworkNotFoundError} */
  expect(names: readonly string[]): void {
    for (const name of names) if (this.find(name) === undefined) throw new NetworkNotFoundError(name);
  }

  #all(): Network[] {
    this.#ensurePredefined();
    return this.#store.all();
  }

  #post(action: 'create' | 'destroy', { id, name, driver }: Network): void {
    this.#events.post({ type: 'network', action, actor: id, attributes: { name, type: driver } });
  }

  /** Those that are always there: nobody can remove them. */
  #ensurePredefined(): void {
    if (this.#hasPredefined) return;
    if (this.#store.find('none') === undefined) {
      this.#store.transaction(() => {
        for (const { name, driver } of PREDEFINED) {
          if (this.#store.find(name) === undefined) this.#store.add(this.#predefined(name, driver));
        }
      });
    }
    this.#hasPredefined = true;
  }

  #predefined(name: string, driver: NetworkDriver): Network {
    const pools = driver === 'bridge' ? poolsFor({ pools: [], hasIPv6: false }, this.#store.all()) : [];
    return {
      id: newNetworkId(),
      name,
      createdAt: this.#now().toISOString(),
      driver,
      isInternal: false,
      isAttachable: false,
      hasIPv6: false,
      pools,
      options: {},
      labels: {},
    };
  }
}
