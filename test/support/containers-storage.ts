import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanEnvironment, run } from './run.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

/** podman or buildah with images, logins and settings of its own. */
export class ContainersStorage implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #program: string;

  private constructor(folder: TemporaryFolder, program: string) {
    this.#folder = folder;
    this.#program = program;
  }

  static async create(program: 'podman' | 'buildah'): Promise<ContainersStorage> {
    const folder = await temporaryFolder(program);
    const storage = new ContainersStorage(folder, program);
    await mkdir(storage.#root);
    await writeFile(storage.#logins, '{}');
    await writeFile(
      storage.#config,
      `[storage]
driver = "overlay"
graphroot = "${storage.#root}"
runroot = "${folder.path}/run"
[storage.options]
pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}
`,
    );
    return storage;
  }

  get folder(): string {
    return this.#folder.path;
  }

  run(args: readonly string[], options: { input?: string } = {}): Promise<string> {
    const places = ['--root', this.#root, '--runroot', `${this.folder}/run`, '--storage-driver', 'overlay'];
    const runtime = this.#program === 'podman' ? ['--cgroup-manager', 'cgroupfs', '--runtime', 'runc'] : [];
    return run([this.#program, ...places, ...runtime, ...args], { ...options, env: this.#env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It leaves its own folder mounted on itself.
    await run(['umount', '--lazy', join(this.#root, 'overlay')]).catch(() => {});
    await this.#folder[Symbol.asyncDispose]();
  }

  get #root(): string {
    return join(this.folder, 'storage');
  }

  get #logins(): string {
    return join(this.folder, 'auth.json');
  }

  get #config(): string {
    return join(this.folder, 'storage.conf');
  }

  get #env(): NodeJS.ProcessEnv {
    return cleanEnvironment({
      HOME: this.folder,
      REGISTRY_AUTH_FILE: this.#logins,
      CONTAINERS_STORAGE_CONF: this.#config,
      BUILDAH_ISOLATION: 'chroot',
    });
  }
}
