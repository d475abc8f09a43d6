import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { killAtOnce } from '../support/kill-at-once.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { asUser } from '../support/ordinary-user.js';
import { type CommandPrefix, cleanEnvironment, RunError, type RunOptions, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import type { Ended } from './container-place.js';

/** Device nodes that this machine may keep for root, and others give to everybody. */
const WITH_DEVICES = `mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mknod -m "$0" /mnt/tun c 10 200 &&
  mount --bind /mnt/tun /dev/net/tun && mknod -m 666 /mnt/fuse c 10 229 && mount --bind /mnt/fuse /dev/fuse && exec "$@"`;

/** As a login gives it to ordinary users of Debian: the folders of root's programs are not in it. */
const PATH = '/usr/local/bin:/usr/bin:/bin';

/** An ordinary user of this machine, with a home and a network of their own, and the image `box` of busybox. */
export class RootlessPlace implements AsyncDisposable {
  readonly user = `berth-r${randomBytes(4).toString('hex')}`;
  readonly home = `/home/${this.user}`;
  readonly network: NetworkNamespace;
  readonly #folder: TemporaryFolder;

  static async create(): Promise<RootlessPlace> {
    const place = new RootlessPlace(await temporaryFolder(), await NetworkNamespace.create());
    const { user, home } = place;
    await run(['useradd', '--create-home', user]);
    await run(['install', '-d', '-o', user, '-m', '700', join(home, 'run')]);
    const tar = join(home, 'box.tar');
    await writeFile(tar, await readFile(await writeBusyboxRoot(place.#folder.path)));
    await mkdir(join(home, 'shared'));
    await run(['chown', user, tar, join(home, 'shared')]);
    await place.run(['import', '-c', 'CMD ["sh"]', tar, 'box']);
    return place;
  }

  private constructor(folder: TemporaryFolder, network: NetworkNamespace) {
    this.#folder = folder;
    this.network = network;
  }

  /** To be put before a command, so that it is the user's. */
  get prefix(): CommandPrefix {
    return this.prefixWhere({ tunMode: '666' });
  }

  /** As {@link prefix}. @param machine `tunMode`: who may open /dev/net/tun. */
  prefixWhere({ tunMode }: Readonly<{ tunMode: string }>): CommandPrefix {
    const withDevices = ['unshare', '--mount', '--', 'sh', '-c', WITH_DEVICES, tunMode];
    return [...this.network.prefix, ...withDevices, ...asUser(this.user)];
  }

  get env(): NodeJS.ProcessEnv {
    const { home } = this;
    const env = { PATH, HOME: home, USER: this.user, XDG_RUNTIME_DIR: join(home, 'run'), TMPDIR: '/tmp' };
    return cleanEnvironment({ ...env, BERTH_ROOT: undefined, XDG_DATA_HOME: undefined });
  }

  /** @param options `prefix`: instead of the usual one. @returns what it printed. */
  run(
    args: readonly string[],
    { prefix = this.prefix, ...options }: RunOptions & { prefix?: CommandPrefix } = {},
  ): Promise<string> {
    return run([...prefix, BERTH, ...args], { cwd: this.home, env: this.env, ...options });
  }

  /** Whatever its exit code. */
  async tryRun(...asked: Parameters<RootlessPlace['run']>): Promise<Ended> {
    try {
      return { code: 0, stdout: await this.run(...asked), stderr: '' };
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      const { code = -1, stdout, stderr } = error;
      return { code, stdout, stderr };
    }
  }

  /** What runs as this user, but for what has ended and waits to be looked at. */
  async processes(): Promise<Readonly<{ pid: number; name: string }>[]> {
    const owner = (await run(['id', '-u', this.user])).trim();
    const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
    return pids.flatMap((pid) => {
      const status = statusOf(pid);
      const [, name = ''] = /^Name:\t(.*)$/m.exec(status) ?? [];
      return status.includes(`\nUid:\t${owner}\t`) && !/^State:\tZ/m.test(status)
        ? [{ pid: Number(pid), name }]
        : [];
    });
  }

  /** The processes that keep the user's namespaces. */
  async keepers(): Promise<number[]> {
    return (await this.processes()).filter(({ name }) => name === 'sleep').map(({ pid }) => pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ids = (await this.run(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.run(['rm', '-f', ...ids]);
    await killAtOnce(...(await this.keepers()));
    await rm(this.home, { recursive: true, force: true, maxRetries: 2 });
    await run(['userdel', '--remove', this.user]).catch(() => {}); // the home is gone already
    await this.#folder[Symbol.asyncDispose]();
    await this.network[Symbol.asyncDispose]();
  }
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}
