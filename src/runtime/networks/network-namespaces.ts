import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UMOUNT_FLAGS, umount } from '../../linux/index.js';
import { isMountPoint } from '../own-mounts.js';
import { runProgram } from '../programs.js';
import { networkProgram } from './network-programs.js';

/** Where `ip netns` has them: ip-netns(8). */
const DIRECTORY = '/run/netns';

/**
 * The network namespaces of the containers of one $BERTH_ROOT, which are there by name while no process is in them: each is
 * mounted on a file.
 */
export class NetworkNamespaces {
  readonly #directory: string;
  readonly #prefix: string;

  /** @param directory where they are, of one $BERTH_ROOT and its mount namespace alone. */
  constructor(directory: string, prefix = '') {
    this.#directory = directory;
    this.#prefix = prefix;
  }

  /** Where `ip netns` shows them. @param place tells the containers of one $BERTH_ROOT from those of another. */
  static ofMachine(place: string): NetworkNamespaces {
    const hash = createHash('sha256').update(place).digest('hex').slice(0, 12);
    return new NetworkNamespaces(DIRECTORY, `berth-${hash}-`);
  }

  /** Whether there is one or not. */
  path(container: string): string {
    return join(this.#directory, this.#prefix + container.slice(0, 32));
  }

  /** A new one. */
  async make(container: string): Promise<string> {
    await this.remove(container);
    const path = this.path(container);
    if (this.#isOfMachine) await runProgram([networkProgram('ip'), 'netns', 'add', basename(path)]);
    else await addNamespace(path);
    return path;
  }

  /** That of a process by its name here: whoever made it may have had mounts of its own, as what cleans up after a monitor has. */
  async adopt(container: string, pid: number): Promise<void> {
    const path = this.path(container);
    if (!this.#isOfMachine || (existsSync(path) && isMountPoint(path))) return;
    rmSync(path, { force: true });
    await runProgram([networkProgram('ip'), 'netns', 'attach', basename(path), String(pid)]);
  }

  /** Nothing is wrong if there is none. */
  async remove(container: string): Promise<void> {
    await this.#removeNamed(this.#prefix + container.slice(0, 32));
  }

  /** Nothing is wrong if it has no such device. */
  async removeDevice(path: string, device: string): Promise<void> {
    const inside = [networkProgram('nsenter'), `--net=${path}`, networkProgram('ip')];
    await runProgram([...inside, 'link', 'delete', device]).catch(() => {});
  }

  /** All but those of some containers. */
  async removeOthers(containers: Iterable<string>): Promise<void> {
    if (!existsSync(this.#directory)) return;
    const kept = new Set(Array.from(containers, (id) => this.#prefix + id.slice(0, 32)));
    const others = readdirSync(this.#directory).filter(
      (name) => name.startsWith(this.#prefix) && !kept.has(name),
    );
    for (const name of others) await this.#removeNamed(name);
  }

  async #removeNamed(name: string): Promise<void> {
    const path = join(this.#directory, name);
    if (!existsSync(path)) return;
    if (this.#isOfMachine) await runProgram([networkProgram('ip'), 'netns', 'delete', name]);
    else removeNamespace(path);
  }

  get #isOfMachine(): boolean {
    return this.#directory === DIRECTORY;
  }
}

/** A new network namespace on a new file, in this process's mounts. */
export async function addNamespace(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, '', { mode: 0o600 });
  await runProgram([networkProgram('unshare'), `--net=${path}`, 'true']);
}

/** Nothing is wrong if there is none. What is in it keeps it. */
export function removeNamespace(path: string): void {
  if (!existsSync(path)) return;
  if (isMountPoint(path)) umount(path, UMOUNT_FLAGS.detach | UMOUNT_FLAGS.noFollow);
  rmSync(path, { force: true });
}
