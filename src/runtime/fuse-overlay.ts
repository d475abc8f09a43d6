import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { RuntimeUnavailableError } from './errors.js';
import { requiredProgram } from './programs.js';

const DEVICE = '/dev/fuse';
/** Of mount(8) and mount(2). */
export const FUSE_TYPE = 'fuse.fuse-overlayfs';

/**
 * An overlay that a process answers for, in place of the kernel: fuse-overlayfs. A file system is mounted with a descriptor of
 * /dev/fuse, and then answered for by who reads from it, wherever that runs: when the mount is gone, the process ends.
 */
export class FuseOverlay implements Disposable {
  readonly fd: number;
  readonly #program: string;

  /** @throws {RuntimeUnavailableError} */
  static open(): FuseOverlay {
    const program = requiredProgram('fuse-overlayfs', { package: 'fuse-overlayfs', for: 'joining layers' });
    try {
      return new FuseOverlay(openSync(DEVICE, 'r+'), program);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new RuntimeUnavailableError(
        `fuse-overlayfs needs ${DEVICE}, which cannot be opened: ${reason}; an administrator can allow that with ` +
          `modprobe fuse and chmod 666 ${DEVICE}`,
        { cause: error },
      );
    }
  }

  private constructor(fd: number, program: string) {
    this.fd = fd;
    this.#program = program;
  }

  /** Options of the mount. @param fd what the descriptor is called where it is mounted. */
  mountOptions(fd = this.fd): string {
    return `fd=${fd},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other`;
  }

  /**
   * Starts the process, once the file system is mounted.
   * @param options of the overlay, with names relative to `directory`. What is written is in the upper directory at once.
   * @param lives until this thread ends, or as long as the mount: then it must not run in the namespace of that.
   */
  serve(directory: string, options: string, lives: 'with-thread' | 'with-mount'): void {
    const command = [this.#program, '-f', '-o', `${options},writeback=0`, '/dev/fd/3'];
    const [program = '', ...args] =
      lives === 'with-thread' ? ['setpriv', '--pdeathsig', 'KILL', '--', ...command] : command;
    const child = spawn(program, args, {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'ignore', this.fd],
      detached: true,
    });
    child.on('error', () => {}); // then nobody reads, and what is looked for in the mount fails
    child.unref();
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
