import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BERTH } from './berth-process.js';
import { ContainersStorage } from './containers-storage.js';
import { DockerDaemon } from './docker-daemon.js';
import { NetworkNamespace } from './network-namespace.js';
import { cleanEnvironment, run } from './run.js';
import { temporaryFolder } from './temporary-folder.js';

/** A program that builds images, seen as a test needs it. */
export interface ImageBuilder {
  readonly name: 'berth' | 'buildkit' | 'docker' | 'buildah';
  /** Builds without a network, and writes the image as a docker archive. `args` go before the context. */
  build(context: string, archive: string, args?: readonly string[]): Promise<void>;
}

const IMAGE = 'built-for-comparison:latest';

/** Debian's runc by name and limits that root without CAP_SYS_RESOURCE may set. */
const BUILDAH_RUN = [
  '--isolation=oci',
  '--runtime=runc',
  '--ulimit=nofile=1024:1024',
  '--ulimit=nproc=1024:1024',
];

/** Berth and those whose results are compared with its own, each with the same base image in a store of its own. */
export class ImageBuilders implements AsyncDisposable {
  readonly all: readonly ImageBuilder[];
  readonly #resources: AsyncDisposableStack;

  private constructor(all: readonly ImageBuilder[], resources: AsyncDisposableStack) {
    this.all = all;
    this.#resources = resources;
  }

  /** @param rootfs the tar that `base` is made of. */
  static async start(base: string, rootfs: string): Promise<ImageBuilders> {
    await using resources = new AsyncDisposableStack();
    const folder = resources.use(await temporaryFolder('builders'));
    const namespace = resources.use(await NetworkNamespace.create());
    const docker = resources.use(await DockerDaemon.start(namespace));
    const buildah = resources.use(await ContainersStorage.create('buildah'));
    await mkdir(join(folder.path, 'berth'));
    const berth = (...args: string[]) =>
      run([BERTH, ...args], { env: cleanEnvironment({ BERTH_ROOT: join(folder.path, 'berth') }) });
    await berth('import', rootfs, base);
    await docker.run(['import', rootfs, base]);
    await importWithBuildah(buildah, base, rootfs);
    const all: ImageBuilder[] = [
      {
        name: 'berth',
        build: async (context, archive, args = []) => {
          await berth('build', '--quiet', '--network=none', ...args, '-t', IMAGE, context);
          await berth('save', '-o', archive, IMAGE);
        },
      },
      dockerBuilder('buildkit', docker),
      dockerBuilder('docker', docker),
      {
        name: 'buildah',
        build: async (context, archive, args = []) => {
          await buildah.run([
            'bud',
            '--layers',
            '-q',
            ...BUILDAH_RUN,
            '--network=none',
            ...args,
            '-t',
            IMAGE,
            context,
          ]);
          await buildah.run(['push', '-q', IMAGE, `docker-archive:${archive}:${IMAGE}`]);
        },
      },
    ];
    return new ImageBuilders(all, resources.move());
  }

  get(name: ImageBuilder['name']): ImageBuilder {
    const builder = this.all.find((one) => one.name === name);
    if (builder === undefined) throw new Error(`there is no builder ${name}`);
    return builder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function dockerBuilder(name: 'buildkit' | 'docker', docker: DockerDaemon): ImageBuilder {
  return {
    name,
    build: async (context, archive, args = []) => {
      const command = ['build', '--quiet', '--network=none', ...args, '-t', IMAGE, context];
      await docker.run(command, { buildKit: name === 'buildkit' });
      await docker.run(['save', '-o', archive, IMAGE]);
    },
  };
}

async function importWithBuildah(buildah: ContainersStorage, base: string, rootfs: string): Promise<void> {
  const container = (await buildah.run(['from', 'scratch'])).trim();
  await buildah.run(['add', '--quiet', container, rootfs, '/']);
  await buildah.run(['commit', '--quiet', container, base]);
  await buildah.run(['rm', container]);
}
