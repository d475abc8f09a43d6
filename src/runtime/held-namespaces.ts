import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { lastWords, RuntimeUnavailableError } from './errors.js';
import { requiredProgram, startProgram } from './programs.js';

/** Rows of user_namespaces(7), "uid_map": ids inside, ids of the machine, how many. */
export type IDRows = readonly (readonly [inside: number, outside: number, count: number])[];

/** Says that it is there, and waits for the end of its input: that of whoever holds it, however that ends. */
const WAIT = 'echo; read -r _';

/** Namespaces that root has made for something that is about to enter them, kept by a process that does nothing else. */
export class HeldNamespaces implements Disposable {
  readonly #child: ChildProcess;

  /**
   * A user namespace.
   * @param options `network`: and a network namespace that its root owns. @throws {RuntimeUnavailableError}
   */
  static async withUsers(
    { uids, gids }: Readonly<{ uids: IDRows; gids: IDRows }>,
    { network = false }: Readonly<{ network?: boolean }> = {},
  ): Promise<HeldNamespaces> {
    const held = await HeldNamespaces.#start([required('unshare'), '--user', ...(network ? ['--net'] : [])]);
    try {
      writeFileSync(`/proc/${held.pid}/gid_map`, textOf(gids));
      writeFileSync(`/proc/${held.pid}/uid_map`, textOf(uids));
      return held;
    } catch (error) {
      held[Symbol.dispose]();
      throw unavailable(error instanceof Error ? error.message : String(error), error);
    }
  }

  /** A network namespace that the root of a user namespace owns. @throws {RuntimeUnavailableError} */
  static async withNetwork(userNamespace: string): Promise<HeldNamespaces> {
    const inside = [required('nsenter'), `--user=${userNamespace}`, '--'];
    return HeldNamespaces.#start([...inside, required('unshare'), '--net']);
  }

  static async #start([program = '', ...args]: readonly string[]): Promise<HeldNamespaces> {
    const child = startProgram(program, [...args, '--', '/bin/sh', '-c', WAIT], {
      cwd: '/',
      env: {},
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true, // an interrupt from the terminal is for us to act on
    });
    let complaint = '';
    child.stderr?.on('data', (chunk) => {
      complaint += chunk;
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('error', reject);
      child.once('close', () => reject(unavailable(lastWords(complaint) || `${program} ended early`)));
    });
    return new HeldNamespaces(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on('error', () => {}); // it may have been killed
  }

  /** A process that is in them. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Such as `/proc/7/ns/user`, until they are let go of. */
  path(kind: 'user' | 'net'): string {
    return `/proc/${this.pid}/ns/${kind}`;
  }

  /** What has entered them, or has mounted them somewhere, keeps them. */
  [Symbol.dispose](): void {
    for (const stream of this.#child.stdio) stream?.destroy();
    this.#child.unref();
  }
}

function textOf(rows: IDRows): string {
  return rows.map((row) => `${row.join(' ')}\n`).join('');
}

function unavailable(reason: string, cause?: unknown): RuntimeUnavailableError {
  return new RuntimeUnavailableError(`cannot make a user namespace for a container: ${reason}`, { cause });
}

/** @throws {RuntimeUnavailableError} */
function required(name: 'nsenter' | 'unshare'): string {
  return requiredProgram(name, { package: 'util-linux', for: 'containers with ids of their own' });
}
