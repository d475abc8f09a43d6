import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandPrefix, cleanEnvironment } from '../support/run.js';

/** A mount namespace with a journal of its own, which knows nothing of the machine's. Needs root. */
export class JournalNamespace implements AsyncDisposable {
  readonly #journald: ChildProcess;

  /** @param folder for its configuration. @param before runs a command where the journal is to be. */
  static async create(folder: string, before: CommandPrefix): Promise<JournalNamespace> {
    const configuration = `${folder}/journald.conf`;
    await writeFile(configuration, '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\n');
    const script = [
      'mkdir -p /run/log /run/systemd',
      'mount -t tmpfs none /run/log',
      'mount -t tmpfs none /run/systemd',
      `mount --bind "$0" /etc/systemd/journald.conf`,
      'mkdir /run/systemd/journal',
      'exec /lib/systemd/systemd-journald',
    ].join(' && ');
    const unshare = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, configuration];
    const [program = '', ...args] = [...before, ...unshare];
    const namespace = new JournalNamespace(
      spawn(program, args, { env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'ignore'] }),
    );
    const process = `/proc/${namespace.#journald.pid}`;
    // Before it is journald it may still see the socket of the machine's.
    while (!isJournald(process) || !existsSync(`${process}/root/run/systemd/journal/socket`)) {
      if (namespace.#journald.exitCode !== null) throw new Error('journald did not start');
      await sleep(50);
    }
    return namespace;
  }

  private constructor(journald: ChildProcess) {
    this.#journald = journald;
  }

  /** To be put before what is to find the journal. */
  get prefix(): CommandPrefix {
    const { pid } = this.#journald;
    return ['nsenter', `--mount=/proc/${pid}/ns/mnt`, `--net=/proc/${pid}/ns/net`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#journald, 'exit');
    this.#journald.kill();
    await ended;
  }
}

function isJournald(process: string): boolean {
  return existsSync(process) && readFileSync(`${process}/comm`, 'utf8') === 'systemd-journal\n';
}
