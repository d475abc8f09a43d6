import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runProgram } from '../programs.js';
import { requiredProgram } from './network-programs.js';

/** Where `ip netns` has them: ip-netns(8). */
const DIRECTORY = '/run/netns';

/** The network namespaces of the containers of one $BERTH_ROOT, which are there by name while no process is in them. */
export class NetworkNamespaces {
  readonly #prefix: string;

  /** @param directory tells the containers of one $BERTH_ROOT from those of another. */
  constructor(directory: string) {
    this.#prefix = `berth-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}-`;
  }

  /** Whether there is one or not. */
  path(container: string): string {
    return join(DIRECTORY, this.#prefix + container.slice(0, 32));
  }

  /** A new one. */
  async make(container: string): Promise<string> {
    await this.remove(container);
    await runProgram([requiredProgram('ip'), 'netns', 'add', this.#prefix + container.slice(0, 32)]);
    return this.path(container);
  }

  /** Nothing is wrong if there is none. */
  async remove(container: string): Promise<void> {
    await this.#removeNamed(this.#prefix + container.slice(0, 32));
  }

  /** Nothing is wrong if it has no such device. */
  async removeDevice(path: string, device: string): Promise<void> {
    await runProgram([requiredProgram('ip'), '-n', basename(path), 'link', 'delete', device]).catch(() => {});
  }

  /** All but those of some containers. */
  async removeOthers(containers: Iterable<string>): Promise<void> {
    if (!existsSync(DIRECTORY)) return;
    const kept = new Set(Array.from(containers, (id) => this.#prefix + id.slice(0, 32)));
    const others = readdirSync(DIRECTORY).filter((name) => name.startsWith(this.#prefix) && !kept.has(name));
    for (const name of others) await this.#removeNamed(name);
  }

  async #removeNamed(name: string): Promise<void> {
    if (!existsSync(join(DIRECTORY, name))) return;
    await runProgram([requiredProgram('ip'), 'netns', 'delete', name]);
  }
}
