import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded, readIfAny } from '../../linux/index.js';
import { runProgram } from '../programs.js';
import { networkProgram } from './network-programs.js';
import { socketsAt, socketsOf } from './sockets.js';

const PORT = 53;
const PID_FILE = 'aardvark.pid';
/** After that, one that has just been started hears nothing for a reason. */
const PATIENCE_MS = 500;
/** So long one may take that starts, and one that has been told to end. */
const CHANGE_MS = 5000;
const LOOK_MS = 10;

/** aardvark-dns, which netavark starts and tells of names. */
export class NameServer {
  readonly #directory: string;
  readonly #prefix: () => readonly string[];

  /** @param directory of netavark. @param prefix put before a command, it runs where the bridges are. */
  constructor(directory: string, prefix: () => readonly string[]) {
    this.#directory = join(directory, 'aardvark-dns');
    this.#prefix = prefix;
  }

  /**
   * Starts it, if it should run and does not. Where an address was taken, as by one that is just ending, it would go on
   * without that for good: it is told to try again. @throws {RuntimeError}
   */
  async revive(): Promise<void> {
    const wanted = this.#addressesWanted();
    if (wanted === 0) return;
    if (this.#pid() === undefined) {
      await this.#start();
      await until(() => this.#addressesHeard() >= wanted, PATIENCE_MS);
    }
    const pid = this.#pid();
    if (pid !== undefined && this.#addressesHeard() < wanted && isReadyForHangup(pid)) hangUp(pid);
  }

  /** Does what gives it more to answer, and starts it where it does not run. */
  async engage(work: () => Promise<void>): Promise<void> {
    await this.#settle();
    await work();
  }

  /**
   * Does what may leave it nothing to answer, and fails where it does not run. It ends by itself then, and until it has it
   * would take no notice of what comes into a network, and be in the way of the next one.
   */
  async relieve(work: () => Promise<void>): Promise<void> {
    await this.#settle();
    if (this.#pid() === undefined && this.#addressesWanted() > 0) await this.#start();
    const pid = this.#pid();
    try {
      await work();
    } finally {
      await until(() => pid === undefined || this.#addressesWanted() > 0 || hasEnded(pid), CHANGE_MS);
    }
  }

  /** It goes into the background by itself. */
  async #start(): Promise<void> {
    const server = [networkProgram('aardvark-dns'), '--config', this.#directory, '-p', `${PORT}`, 'run'];
    await runProgram([...this.#prefix(), ...server]);
    await this.#settle();
  }

  /**
   * netavark hangs up on whatever process has the id that it reads, and takes it for one that answers: so that is one that
   * bears it, or there is none. One that has ended is seen until it is reaped, and its id may be another's by then.
   */
  async #settle(): Promise<void> {
    const pid = this.#pid();
    if (pid !== undefined) await until(() => isReadyForHangup(pid) || hasEnded(pid), CHANGE_MS);
    if (this.#pid() === undefined) rmSync(join(this.#directory, PID_FILE), { force: true });
  }

  /** How many it is told to listen on: the first words of its files. */
  #addressesWanted(): number {
    if (!existsSync(this.#directory)) return 0;
    return readdirSync(this.#directory)
      .filter((name) => name !== PID_FILE)
      .flatMap((name) => /^\S+/.exec(readIfAny(join(this.#directory, name)))?.[0].split(',') ?? []).length;
  }

  /** How many it listens on. */
  #addressesHeard(): number {
    const pid = this.#pid();
    if (pid === undefined) return 0;
    const own = new Set(socketsOf(pid));
    return [...socketsAt(PORT, 'udp', pid), ...socketsAt(PORT, 'udp6', pid)].filter((inode) => own.has(inode))
      .length;
  }

  /** The process that works, if one does. */
  #pid(): number | undefined {
    const pid = Number(readIfAny(join(this.#directory, PID_FILE)));
    return readIfAny(`/proc/${pid}/cmdline`).includes('aardvark-dns') ? pid : undefined;
  }
}

/** @param ms how long that is waited for at most. */
async function until(isSo: () => boolean, ms: number): Promise<void> {
  for (let left = ms; left > 0 && !isSo(); left -= LOOK_MS) await sleep(LOOK_MS);
}

/** It would end one that is still starting. proc(5), /proc/pid/status. */
function isReadyForHangup(pid: number): boolean {
  const [, caught = '0'] = /^SigCgt:\t(\w+)$/m.exec(readIfAny(`/proc/${pid}/status`)) ?? [];
  return (BigInt(`0x${caught}`) & 1n) === 1n;
}

function hangUp(pid: number): void {
  try {
    process.kill(pid, 'SIGHUP');
  } catch {
    // it has just ended: whoever looks next starts another
  }
}
