import { join } from 'node:path';
import {
  type BuildOptions,
  type BuiltImage,
  build,
  type Dockerfile,
  type NamedContext,
  parseDockerfile,
  storeResult,
  unusedBuildArgs,
} from '../builder/index.js';
import type { ImageEndpoint } from '../content/index.js';
import type { LocalStore } from '../image/index.js';
import { type Descriptor, hostPlatform, type Platform, parseReference } from '../oci/index.js';
import { StoredBases } from './build-bases.js';
import { answerCall, callOf, counted, findingsOf } from './build-checks.js';
import { type BuildInput, ContextOpener } from './build-context.js';
import { GivenCredentials } from './build-credentials.js';
import { describeBuildFailure } from './build-failure.js';
import {
  type BuildFlags,
  parseAnnotations,
  parseBuildArgs,
  parseLabels,
  parsePlatforms,
  parsePull,
  parseSize,
  parseUlimits,
  splitPair,
} from './build-flags.js';
import { type Output, parseOutputs, writeOutput } from './build-output.js';
import type { BuildProgress } from './build-progress.js';
import { openBuildProgress } from './build-progress-modes.js';
import { pushProvenance, wantsProvenance } from './build-provenance.js';
import { LazyRemoteSources } from './build-remote.js';
import { idOf, writeReports } from './build-report.js';
import { BuildSession } from './build-session.js';
import { reportFailure, UsageError } from './failure.js';

/** `berth build`. @returns the exit code. */
export async function runBuild(context: string, flags: BuildFlags): Promise<number> {
  const outputs = parseOutputs(flags);
  const progress = openBuildProgress(flags);
  try {
    return await buildWith(context, flags, outputs, progress);
  } catch (error) {
    progress[Symbol.dispose]();
    const text = describeBuildFailure(error, { showOutput: true });
    if (text === undefined || flags.debug === true)
      return reportFailure(error, { debug: flags.debug === true });
    process.stderr.write(`${text}\n`);
    return 1;
  } finally {
    progress[Symbol.dispose]();
  }
}

async function buildWith(
  context: string,
  flags: BuildFlags,
  outputs: readonly Output[],
  progress: BuildProgress,
): Promise<number> {
  const started = new Date();
  const hasProvenance = wantsProvenance(flags, outputs);
  const platforms = parsePlatforms(flags.platform);
  await using session = new BuildSession(flags);
  const credentials = new GivenCredentials(flags, process.env);
  const fetching = {
    temporaryDirectory: () => session.store.temporaryDirectory(),
    secrets: () => credentials.forFetching(),
  };
  const remote = new LazyRemoteSources(fetching);
  using contexts = new ContextOpener({
    cacheDirectory: join(session.cacheRoot, 'contexts'),
    ...fetching,
    warn: (message) => progress.warn(message),
    signal: session.signal,
  });
  const input = await contexts.open(context, flags.file);
  const { text, name } = input.dockerfile;
  const dockerfile = parseDockerfile(text, { name });
  const checked = {
    dockerfile,
    platform: platforms[0] ?? hostPlatform(),
    flags,
    ...(input.ignore && { ignore: input.ignore }),
  };
  const call = callOf(flags);
  if (call !== 'build') return answerCall(call, checked);
  const options = await optionsOf(flags, { input, dockerfile, platforms, contexts, outputs });
  const findings = findingsOf(checked);
  if (findings.length > 0 && dockerfile.checkOptions.error) {
    answerCall('check', checked);
    throw new UsageError(`${counted(findings)} of the build checks, and ${name} says that they are errors`);
  }
  const unused = unusedBuildArgs(dockerfile, options.buildArgs.keys()).filter(
    (arg) => arg !== 'SOURCE_DATE_EPOCH',
  );
  if (unused.length > 0) progress.warn(`no ARG asks for --build-arg ${unused.join(', ')}`);
  try {
    if (flags.cacheFrom.length > 0) {
      const { importCaches } = await import('./build-cache.js');
      await importCaches(flags.cacheFrom, { session, progress });
    }
    const built = await build(options, {
      ...session,
      bases: new StoredBases(session.store, () => session.client()),
      remote,
      credentials,
      progress,
    });
    const images = await withCaches(built, flags, session, progress);
    const { store, layers, signal } = session;
    const media = outputs.flatMap((output) => (output.type === 'image' ? (output.mediaTypes ?? []) : []))[0];
    const result = storeResult(store, images, {
      mediaTypes: media ?? flags.format,
      annotations: parseAnnotations(flags.annotation),
      alwaysIndex: options.buildArgs.get('BUILDKIT_MULTI_PLATFORM') === '1',
    });
    const onPushed = async (repository: ImageEndpoint, pushed: Descriptor) => {
      if (!hasProvenance) return;
      await pushProvenance(store, repository, pushed, { dockerfile: name, flags, started, platforms });
    };
    const openRepository = async (image: string) => {
      const { registry, repository } = parseReference(image);
      return (await session.client()).repository(registry, repository);
    };
    using _kept = keepDuringExport(store, result.root, outputs);
    for (const output of outputs) {
      await writeOutput(output, {
        store,
        layers,
        result,
        images,
        names: flags.tag,
        openRepository,
        onPushed,
        progress,
        signal,
      });
    }
    writeReports(result, flags, flags.tag);
    progress[Symbol.dispose]();
    for (const { rule, message, line } of findings)
      process.stderr.write(flags.quiet ? '' : ` - ${rule}: ${message} (line ${line})\n`);
    if (!outputs.some((output) => 'dest' in output && output.dest === '-'))
      process.stdout.write(`${idOf(result)}\n`);
    return 0;
  } finally {
    contexts.save();
  }
}

/** Writes caches to where they were asked for, the images themselves among that. */
async function withCaches(
  images: readonly BuiltImage[],
  { cacheTo }: BuildFlags,
  session: BuildSession,
  progress: BuildProgress,
): Promise<readonly BuiltImage[]> {
  if (cacheTo.length === 0) return images;
  const { exportCaches, inlineCache } = await import('./build-cache.js');
  const diffIDs = images.flatMap(({ layers }) => layers.map(({ diffID }) => diffID));
  await exportCaches(cacheTo, diffIDs, { session, progress });
  return images.map((image) => ({
    ...image,
    config: { ...image.config, ...inlineCache(cacheTo, session, image.config.rootfs.diff_ids) },
  }));
}

/** What is only exported is an image of the store meanwhile, and not any more afterwards. */
function keepDuringExport(store: LocalStore, root: Descriptor, outputs: readonly Output[]): Disposable {
  const isNeeded = outputs.some(({ type }) => type === 'oci' || type === 'docker');
  const isKept = outputs.some(({ type }) => type === 'image') || store.find(root.digest) !== undefined;
  if (isNeeded) store.tagMany(root, []);
  return {
    [Symbol.dispose]: () => {
      const record = isNeeded && !isKept ? store.find(root.digest) : undefined;
      if (record !== undefined && record.names.length === 0) store.remove(record);
    },
  };
}

type Given = Readonly<{
  input: BuildInput;
  dockerfile: Dockerfile;
  platforms: readonly Platform[];
  contexts: ContextOpener;
  outputs: readonly Output[];
}>;

async function optionsOf(
  flags: BuildFlags,
  { input, dockerfile, platforms, contexts }: Given,
): Promise<BuildOptions> {
  const buildArgs = parseBuildArgs(flags.buildArg, process.env);
  const epoch = epochOf(flags, buildArgs);
  if (epoch !== undefined && !buildArgs.has('SOURCE_DATE_EPOCH'))
    buildArgs.set('SOURCE_DATE_EPOCH', String(epoch));
  const rewrites =
    flags.rewriteTimestamp === true ||
    flags.output.some((text) => /rewrite-timestamp(=true|=1|,|$)/.test(text));
  if (rewrites && epoch === undefined)
    throw new UsageError('--rewrite-timestamp needs a time: set SOURCE_DATE_EPOCH');
  const fileTimes =
    flags.timestamp !== undefined
      ? { seconds: flags.timestamp, mode: 'set' as const }
      : rewrites && epoch !== undefined
        ? { seconds: epoch, mode: 'clamp' as const }
        : undefined;
  return {
    dockerfile,
    context: input.context,
    contexts: await namedContexts(flags.buildContext, contexts),
    ...(flags.target !== undefined && { target: flags.target }),
    platforms,
    buildPlatform: { ...hostPlatform(), os: 'linux' },
    buildArgs,
    labels: parseLabels(flags.label),
    noCache: noCacheOf(flags),
    pull: parsePull(flags.pull),
    ...(epoch !== undefined && { epoch }),
    ...(fileTimes && { fileTimes }),
    squash: flags.squash === true,
    network: flags.network,
    allowInsecure: flags.allow.includes('security.insecure'),
    addHosts: flags.addHost,
    ...(flags.shmSize !== undefined && { shmBytes: parseSize(flags.shmSize, '--shm-size') }),
    ulimits: parseUlimits(flags.ulimit),
    ...(flags.cgroupParent !== undefined && { cgroupParent: flags.cgroupParent }),
    ...(flags.debug === true && process.stdin.isTTY && { onFailed: (failed) => failed.shell() }),
  };
}

function epochOf(
  { timestamp, sourceDateEpoch }: BuildFlags,
  buildArgs: ReadonlyMap<string, string>,
): number | undefined {
  const text = buildArgs.get('SOURCE_DATE_EPOCH') ?? process.env.SOURCE_DATE_EPOCH;
  const given = timestamp ?? sourceDateEpoch;
  if (given !== undefined) return given;
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new UsageError(
    `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}: it must be a number of seconds since 1970`,
  );
}

function noCacheOf({ cache, cacheFilter }: BuildFlags): BuildOptions['noCache'] {
  if (!cache) return 'all';
  const stages = Array.isArray(cacheFilter) ? cacheFilter.flatMap((text: string) => text.split(',')) : [];
  return stages.length > 0 ? stages.map((stage) => stage.toLowerCase()) : 'none';
}

async function namedContexts(
  texts: readonly string[],
  contexts: ContextOpener,
): Promise<Map<string, NamedContext>> {
  const named = new Map<string, NamedContext>();
  for (const text of texts) {
    const [name, source] = splitPair(text);
    if (source === undefined || name === '')
      throw new UsageError(`--build-context ${text}: write name=source`);
    named.set(name.toLowerCase(), await namedContext(name, source, contexts));
  }
  return named;
}

async function namedContext(name: string, source: string, contexts: ContextOpener): Promise<NamedContext> {
  const image = /^docker-image:\/\/(.+)$/.exec(source)?.[1];
  if (image !== undefined) return { kind: 'image', name: image };
  const layout = /^oci-layout:\/\/(.+)$/.exec(source)?.[1];
  if (layout === undefined) return { kind: 'tree', tree: await contexts.openTree(source, name) };
  throw new UsageError(
    `--build-context ${name}=oci-layout://… is not supported yet: copy ${layout} with berth copy, and use docker-image://`,
  );
}
