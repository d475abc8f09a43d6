import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { flock } from '../../linux/index.js';
import { bootId } from '../runtime-directory.js';
import type { Endpoint, EndpointRequest, NetworkedContainer } from './endpoint.js';
import { HeldPorts } from './held-ports.js';
import { untilNamed } from './known-names.js';
import type { Connection, NetworkPlumbing } from './netavark.js';
import type { Network } from './network.js';
import { NetworkForbiddenError, PortTakenError } from './network-errors.js';
import type { NetworkNamespaces } from './network-namespaces.js';
import { withRoom } from './network-room.js';
import type { NetworkStore } from './network-store.js';
import { planEndpoint } from './plan-endpoint.js';
import { PortRelay } from './port-relay.js';
import { clash, isOfSix, type PublishedPort } from './published-port.js';
import { Wiring } from './wiring.js';

/** What a container has been given. */
export type Attachment = Readonly<{
  /** To be entered by the container. */
  namespacePath: string;
  /** eth0 first. */
  endpoints: readonly Endpoint[];
  /** As they were chosen; none where no network of the container leads out of the machine. */
  ports: readonly PublishedPort[];
}>;

export type AttachOptions = Readonly<{
  /** Which servers are asked about names that its networks do not know; those of the machine, if none. */
  dnsServers?: readonly string[];
  /** A process whose network namespace the container is to have; a new one, if none. */
  namespaceOf?: number | undefined;
}>;

type AttachmentsPlace = Readonly<{
  namespaces: NetworkNamespaces;
  relays: string;
  lock: string;
  namingSeconds: number;
}>;

/**
 * Containers in networks. Rows come first and go last, so that whoever looks after a crash knows all that may be left; what
 * is half-made is made whole, and then taken away as a whole.
 */
export class Attachments {
  readonly #store: NetworkStore;
  readonly #plumbing: NetworkPlumbing;
  readonly #namespaces: NetworkNamespaces;
  readonly #wiring: Wiring;
  readonly #relays: string;
  readonly #lock: string;
  readonly #namingSeconds: number;

  /**
   * @param place `namespaces`: of one $BERTH_ROOT alone. `relays`: a directory, the same. `lock`: a file, of all whose devices
   * and rules are the same. `namingSeconds`: how long a name server may take to learn of a container.
   */
  constructor(
    store: NetworkStore,
    plumbing: NetworkPlumbing,
    { namespaces, relays, lock, namingSeconds }: AttachmentsPlace,
  ) {
    this.#store = store;
    this.#plumbing = plumbing;
    this.#relays = relays;
    this.#lock = lock;
    this.#namingSeconds = namingSeconds;
    this.#namespaces = namespaces;
    this.#wiring = new Wiring(plumbing, namespaces);
  }

  find(container: string): Attachment | undefined {
    if (this.#store.attachment(container) === undefined) return undefined;
    const connections = this.#connections(container);
    return {
      namespacePath: this.#namespaces.path(container),
      endpoints: connections.map(({ endpoint }) => endpoint),
      ports: connections.flatMap(({ ports }) => ports),
    };
  }

  async attach(
    container: NetworkedContainer,
    requests: readonly EndpointRequest[],
    wanted: readonly PublishedPort[],
    { dnsServers = [], namespaceOf }: AttachOptions,
  ): Promise<Attachment & Readonly<{ held: HeldPorts }>> {
    await this.detach(container.id);
    // Whoever has ended with the machine has no address, and is not in the way of other ones for the usual bridge.
    for (const id of this.#store.attachedBefore()) await this.detach(id);
    using resources = new DisposableStack();
    const held = resources.use(HeldPorts.take(wanted, (port) => this.#holderOf(port)));
    // Ports that could be taken are nobody's: whoever had them by its row is no more.
    for (const id of this.#having(held.ports)) await this.detach(id);
    try {
      const added = await this.#locked(async () => {
        this.#store.transaction(() => {
          this.#store.putAttachment({ container, ports: held.ports, dnsServers, boot: bootId() });
          for (const request of requests) this.#add(container, request);
        });
        if (namespaceOf === undefined) await this.#namespaces.make(container.id);
        else await this.#namespaces.adopt(container.id, namespaceOf);
        if (this.#plumbing.takesPorts) held.letGoOfFour();
        const connections = await this.#wiring.change(container.id, [], this.#connections(container.id));
        held.relay((taken) => this.#relay(container.id).start(taken, this.#plumbing.prefix));
        this.#leadRelay(container.id);
        return connections;
      });
      await this.#untilNamed(container.id, added);
      const attachment = this.#expect(container);
      resources.move();
      return { ...attachment, held };
    } catch (error) {
      await this.detach(container.id).catch(() => {}); // the next look finds the rest
      throw error;
    }
  }

  async detach(container: string): Promise<void> {
    await this.#locked(async () => {
      await this.#wiring.change(container, this.#connections(container), []);
      await this.#namespaces.remove(container);
      this.#relay(container).forget();
      this.#store.removeAttachment(container);
      if (this.#store.attachments().length === 0) await this.#plumbing.rest();
    });
  }

  /** @throws {NetworkForbiddenError} it is there already, or has no networks of ours now. */
  async connect(container: NetworkedContainer, request: EndpointRequest): Promise<Endpoint> {
    this.#expect(container);
    const { id } = container;
    const { endpoint, added } = await this.#locked(async () => {
      const before = this.#connections(id);
      const endpoint = this.#store.transaction(() => this.#add(container, request));
      try {
        const added = await this.#wiring.change(id, before, this.#connections(id));
        this.#leadRelay(id);
        return { endpoint, added };
      } catch (error) {
        const failed = this.#connections(id);
        this.#store.removeEndpoint(id, endpoint);
        await this.#wiring.change(id, failed, this.#connections(id)).catch(() => {});
        throw error;
      }
    });
    await this.#untilNamed(id, added);
    return endpoint;
  }

  async adopt(container: string, pid: number): Promise<void> {
    await this.#locked(() => this.#namespaces.adopt(container, pid));
  }

  async disconnect(container: string, network: Network): Promise<void> {
    const added = await this.#locked(async () => {
      const before = this.#connections(container);
      const gone = before.find(({ endpoint }) => endpoint.networkId === network.id);
      if (gone === undefined)
        throw new NetworkForbiddenError(
          `container ${container} is not connected to the network ${network.name}`,
        );
      const connections = this.#connections(container, network.id);
      const added = await this.#wiring.change(container, before, connections);
      this.#store.removeEndpoint(container, gone.endpoint);
      this.#leadRelay(container);
      return added;
    });
    await this.#untilNamed(container, added);
  }

  async reconcile(living: Iterable<string>): Promise<void> {
    const alive = new Set(living);
    const boot = bootId();
    for (const record of this.#store.attachments()) {
      if (!alive.has(record.container.id) || record.boot !== boot) await this.detach(record.container.id);
    }
    await this.tidy();
  }

  async tidy(): Promise<void> {
    await this.#locked(async () => {
      await this.#namespaces.removeOthers(this.#store.attachments().map(({ container }) => container.id));
      await this.#plumbing.reviveNames();
    });
  }

  /** Starts relays again that were killed, where nobody else has their ports by now: those the next look tries again. */
  async reviveRelays(): Promise<void> {
    if (!this.#relayed().some(({ relay }) => relay.isLost)) return;
    await this.#locked(async () => {
      for (const { relay, container, ports } of this.#relayed()) {
        if (!relay.isLost) continue;
        try {
          using held = HeldPorts.take(ports, (port) => this.#holderOf(port));
          held.relay((taken) => relay.restart(taken, this.#plumbing.prefix));
        } catch (error) {
          if (!(error instanceof PortTakenError)) throw error;
        }
        this.#leadRelay(container.id);
      }
    });
  }

  #untilNamed(container: string, added: readonly Connection[]): Promise<void> {
    return untilNamed(this.#namespaces.path(container), added, this.#namingSeconds);
  }

  /** Containers of this boot that may have a relay, with ports that it takes. */
  #relayed() {
    const boot = bootId();
    return this.#store
      .attachments()
      .filter((record) => record.boot === boot && record.ports.some(isOfSix))
      .map(({ container, ports }) => ({
        container,
        ports: ports.filter(isOfSix),
        relay: this.#relay(container.id),
      }));
  }

  /** A row for one more network of a container. */
  #add(container: NetworkedContainer, request: EndpointRequest): Endpoint {
    const found = this.#store.get(request.network);
    const endpoints = this.#store.endpoints(container.id);
    if (endpoints.some(({ networkId }) => networkId === found.id))
      throw new NetworkForbiddenError(
        `endpoint with name ${container.name} already exists in network ${found.name}`,
      );
    const network = withRoom(this.#store, found);
    const endpoint = planEndpoint(network, request, container, {
      addresses: this.#store.addresses(network),
      interfaces: endpoints.map(({ interfaceName }) => interfaceName),
    });
    this.#store.putEndpoint(container.id, endpoint);
    return endpoint;
  }

  /**
   * All networks of a container, but perhaps one. Ports are with the first bridge that leads out of the machine, so that they
   * move when that is left.
   */
  #connections(container: string, without?: string): Connection[] {
    const record = this.#store.attachment(container);
    if (record === undefined) return [];
    const placed = this.#store
      .endpoints(container)
      .filter(({ networkId }) => networkId !== without)
      .map((endpoint) => ({ endpoint, network: this.#store.get(endpoint.networkId) }));
    const first = placed.find(({ network }) => network.driver === 'bridge' && !network.isInternal);
    return placed.map((one) => ({
      ...one,
      container: record.container,
      ports: one === first ? record.ports : [],
      dnsServers: record.dnsServers,
    }));
  }

  #relay(container: string): PortRelay {
    return new PortRelay(join(this.#relays, container.slice(0, 32)));
  }

  /** To the address with which ports of the container are published now. */
  #leadRelay(container: string): void {
    const published = this.#connections(container).find(({ ports }) => ports.length > 0);
    this.#relay(container).lead(published?.endpoint.ipAddress ?? '');
  }

  #expect({ id, name }: NetworkedContainer): Attachment {
    const attachment = this.find(id);
    if (attachment === undefined)
      throw new NetworkForbiddenError(
        `container ${name} has no networks that could be changed: it does not run`,
      );
    return attachment;
  }

  #holderOf(port: PublishedPort): string | undefined {
    const [id = ''] = this.#having([port]);
    const name = this.#store.attachment(id)?.container.name;
    return name === undefined ? undefined : `container ${name}`;
  }

  #having(ports: readonly PublishedPort[]): string[] {
    return this.#store
      .attachments()
      .filter((record) => record.ports.some((one) => ports.some((other) => clash(one, other))))
      .map(({ container }) => container.id);
  }

  /** One change of devices and rules at a time: netavark knows of no others. */
  async #locked<T>(work: () => Promise<T>): Promise<T> {
    mkdirSync(dirname(this.#lock), { recursive: true, mode: 0o755 });
    const fd = openSync(this.#lock, 'a', 0o600);
    try {
      await flock(fd, 'exclusive');
      return await work();
    } finally {
      closeSync(fd);
    }
  }
}
