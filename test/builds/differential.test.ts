import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerConfig } from '../../src/oci/index.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { type FlatFile, type FlatImage, flatten } from '../support/flatten.js';
import { type ImageBuilder, ImageBuilders } from '../support/image-builders.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { generateBuild, writeBuild } from './generated-build.js';

/** BERTH_BUILD_SEED=n builds that one alone; BERTH_BUILDS=n builds so many. */
const ONLY = process.env.BERTH_BUILD_SEED;
const BUILDS = Number(process.env.BERTH_BUILDS ?? 12);
const SEEDS = ONLY === undefined ? Array.from({ length: BUILDS }, (_, i) => i + 1) : [Number(ONLY)];
const BASE = 'differential-base:latest';

let folder: TemporaryFolder;
let builders: ImageBuilders;

beforeAll(async () => {
  folder = await temporaryFolder('differential');
  builders = await ImageBuilders.start(BASE, await writeBusyboxRoot(folder.path));
});

afterAll(async () => {
  await builders?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

/**
 * Where others leave something of their own in an image; and what ADD --chown of an archive makes, which belongs to the
 * owner that was asked for only with us. docs/building.md, "Where builders differ".
 */
const ACCEPTED: Readonly<Record<ImageBuilder['name'], RegExp>> = {
  berth: /^$/,
  buildkit: /^etc\/(hosts|resolv\.conf|hostname)$|^(proc|sys|dev|run)(\/|$)|^owned(\/|$)/,
  docker: /^etc\/(hosts|resolv\.conf|hostname|mtab)$|^(proc|sys|dev|run)(\/|$)|^\.dockerenv$|^owned(\/|$)/,
  buildah:
    /^etc\/(hosts|resolv\.conf|hostname)$|^(proc|sys|dev|run)(\/|$)|^owned(\/|$)|^from\/etc\/(hosts|resolv\.conf|hostname)$/,
};

describe.each(SEEDS)('the build of seed %i', (seed) => {
  it('has the same files and the same configuration as with other builders', async () => {
    const generated = generateBuild(seed, BASE);
    const context = join(folder.path, `context-${seed}`);
    await mkdir(context);
    await writeBuild(context, generated);
    const ours = await imageOf(builders.get('berth'), context, seed);
    for (const builder of builders.all.filter(({ name }) => name !== 'berth')) {
      const theirs = await imageOf(builder, context, seed);
      const about = `${builder.name} differs from berth on\n${generated.dockerfile}`;
      expect(comparable(ours, builder.name), about).toEqual(comparable(theirs, builder.name));
    }
  });
});

async function imageOf(builder: ImageBuilder, context: string, seed: number): Promise<FlatImage> {
  const archive = join(folder.path, `${builder.name}-${seed}.tar`);
  await builder.build(context, archive);
  return flatten(archive);
}

function comparable({ files, config }: FlatImage, other: ImageBuilder['name']) {
  const kept = [...files].filter(([path]) => !ACCEPTED[other].test(path));
  return {
    files: Object.fromEntries(kept.map(([path, file]) => [path, fileText(file)])),
    config: configOf(config, other),
  };
}

function fileText({ type, mode, owner, content, xattrs }: FlatFile): string {
  return [type, mode, owner, content, ...Object.entries(xattrs).flat()].join(' ');
}

/** Without what only says who built it, and with one spelling of nothing. */
function configOf(config: ContainerConfig, other: ImageBuilder['name']) {
  const { 'io.buildah.version': _, ...labels } = config.Labels ?? {};
  return {
    user: config.User ?? '',
    env: (config.Env ?? []).toSorted(),
    entrypoint: config.Entrypoint ?? [],
    cmd: config.Cmd ?? [],
    directory: config.WorkingDir || '/',
    ports: Object.keys(config.ExposedPorts ?? {}).toSorted(),
    volumes: Object.keys(config.Volumes ?? {}).toSorted(),
    labels,
    stop: config.StopSignal ?? '',
    // An OCI image, which buildah makes, has no place for it.
    health: other === 'buildah' ? {} : (config.Healthcheck ?? {}),
    triggers: config.OnBuild ?? [],
    shell: config.Shell ?? [],
  };
}
