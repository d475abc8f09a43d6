import { existsSync } from 'node:fs';
import type { Connection, NetworkPlumbing } from './netavark.js';
import type { NetworkNamespaces } from './network-namespaces.js';

/** Of a namespace in which what is left of a connection is taken away, where the container's own is gone. */
const SCRATCH = 'x';

/** Devices, addresses and rules of containers, made to be what their rows say. */
export class Wiring {
  readonly #plumbing: NetworkPlumbing;
  readonly #namespaces: NetworkNamespaces;

  constructor(plumbing: NetworkPlumbing, namespaces: NetworkNamespaces) {
    this.#plumbing = plumbing;
    this.#namespaces = namespaces;
  }

  /** Takes away what is no longer to be, and makes what is new. @returns that. */
  async change(
    container: string,
    before: readonly Connection[],
    after: readonly Connection[],
  ): Promise<readonly Connection[]> {
    const path = this.#namespaces.path(container);
    const texts = (connections: readonly Connection[]) =>
      new Set(connections.map((one) => JSON.stringify(one)));
    const [old, wanted] = [texts(before), texts(after)];
    for (const connection of before.toReversed()) {
      if (!wanted.has(JSON.stringify(connection))) await this.#takeAway(path, connection);
    }
    const added = after.filter((one) => !old.has(JSON.stringify(one)));
    for (const connection of added) await this.#plumbing.setUp(path, connection);
    return added;
  }

  async #takeAway(path: string, connection: Connection): Promise<void> {
    if (existsSync(path)) {
      try {
        return await this.#plumbing.tearDown(path, connection);
      } catch {
        await this.#namespaces.removeDevice(path, connection.endpoint.interfaceName);
      }
    }
    const scratch = SCRATCH + connection.container.id;
    try {
      await this.#plumbing.clear(await this.#namespaces.make(scratch), connection);
    } finally {
      await this.#namespaces.remove(scratch);
    }
  }
}
