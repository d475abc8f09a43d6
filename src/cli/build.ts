import { join } from 'node:path';
import {
  type Annotation,
  type BuildOptions,
  type BuiltImage,
  build,
  parseDockerfile,
  storeResult,
} from '../builder/index.js';
import type { LocalStore } from '../image/index.js';
import { type Descriptor, hostPlatform, parseReference } from '../oci/index.js';
import { printAtOnce } from './at-once.js';
import { warnOfArgs } from './build-args.js';
import type { Attestation } from './build-attach.js';
import { parseAttestations, type WantedAttestations } from './build-attestations.js';
import { StoredBases } from './build-bases.js';
import { callOf, counted, describeFile, findingsOf, reportChecks, reportFindings } from './build-checks.js';
import { type BuildInput, ContextOpener } from './build-context.js';
import { GivenCredentials } from './build-credentials.js';
import { describeBuildFailure } from './build-failure.js';
import { Fetching } from './build-fetching.js';
import { type BuildFlags, parseBuildArgs, parsePlatforms } from './build-flags.js';
import { optionsOf } from './build-options.js';
import { holdsReferrers, writeOutput } from './build-output.js';
import { type Output, type Outputs, parseOutputs } from './build-output-spec.js';
import type { BuildProgress } from './build-progress.js';
import { openBuildProgress } from './build-progress-modes.js';
import { LazyRemoteSources } from './build-remote.js';
import { idOf, writeReports } from './build-report.js';
import { BuildSession } from './build-session.js';
import { type BuildSettings, settingsOf } from './build-settings.js';
import { exitCodeOf, reportFailure, UsageError } from './failure.js';

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
    return exitCodeOf(error);
  } finally {
    progress[Symbol.dispose]();
  }
}

async function buildWith(
  context: string,
  flags: BuildFlags,
  wantedOutputs: Outputs,
  progress: BuildProgress,
): Promise<number> {
  const { outputs, annotations, insecure } = wantedOutputs;
  const started = new Date();
  const wanted = wantedOf(flags, outputs, progress);
  const platforms = parsePlatforms(flags.platform);
  const settings = settingsOf(parseBuildArgs(flags.buildArg, process.env));
  await using session = new BuildSession({ ...flags, ...(insecure && { insecure }) });
  await using credentials = new GivenCredentials(flags, process.env);
  const fetching = new Fetching({
    temporaryDirectory: () => session.store.temporaryDirectory(),
    credentials,
    ca: flags.ca,
  });
  const remote = new LazyRemoteSources(fetching);
  using contexts = new ContextOpener({
    cacheDirectory: join(session.cacheRoot, 'contexts'),
    fetching,
    keepGitDirectory: settings.keepGitDirectory,
    warn: (message) => progress.warn(message),
    signal: session.signal,
  });
  const input = await contexts.open(context, flags.file);
  const { text, name } = input.dockerfile;
  const dockerfile = parseDockerfile(text, { name });
  const call = callOf(flags);
  if (call !== 'build' && call !== 'check')
    return describeFile(call, { dockerfile, platform: platforms[0] ?? hostPlatform(), flags });
  const options = await optionsOf(flags, {
    input,
    dockerfile,
    platforms,
    contexts,
    session,
    progress,
    rewritesTimes: wantedOutputs.rewritesTimes,
  });
  const bases = new StoredBases(session.store, () => session.client());
  const checkOptions = settings.check ?? dockerfile.checkOptions;
  const checked = {
    options,
    checkOptions,
    ...(input.ignore && { ignore: input.ignore }),
    bases,
    signal: session.signal,
  };
  if (call === 'check') {
    const scope = flags.target === undefined ? 'all' : 'needed';
    return reportChecks(checked, scope);
  }
  const isIndex = platforms.length > 1 || settings.alwaysIndex;
  if (!isIndex && annotations.some(({ place }) => place.startsWith('index')))
    throw new UsageError('annotations of an index need one: build for several platforms');
  const errors = checkOptions.error ? await findingsOf(checked) : [];
  if (errors.length > 0) {
    reportFindings(errors, dockerfile);
    const place = settings.check === undefined ? name : 'BUILDKIT_DOCKERFILE_CHECK';
    throw new UsageError(`${counted(errors)} of the build checks, and ${place} says that they are errors`);
  }
  warnOfArgs(dockerfile, options.buildArgs, progress);
  try {
    if (flags.cacheFrom.length > 0) {
      const { importCaches } = await import('./build-cache.js');
      await importCaches(flags.cacheFrom, { session, progress });
    }
    const cacheTo = settings.inlineCache ? [...flags.cacheTo, 'type=inline'] : flags.cacheTo;
    const built = await build(options, {
      ...session,
      bases,
      remote,
      credentials,
      progress,
    });
    const images = await withCaches(built, cacheTo, session, progress);
    const made = { images, input, contexts, options, settings, annotations, wanted, started };
    const result = await deliver(made, flags, outputs, { session, progress });
    progress[Symbol.dispose]();
    const findings = checkOptions.error || flags.quiet ? [] : await findingsOf(checked);
    for (const { rule, message, line } of findings)
      process.stderr.write(` - ${rule}: ${message} (line ${line})\n`);
    if (!outputs.some((output) => 'dest' in output && output.dest === '-')) printAtOnce(`${idOf(result)}\n`);
    return 0;
  } finally {
    contexts.save();
  }
}

type Made = Readonly<{
  images: readonly BuiltImage[];
  input: BuildInput;
  contexts: ContextOpener;
  options: BuildOptions;
  settings: BuildSettings;
  annotations: readonly Annotation[];
  wanted: WantedAttestations;
  started: Date;
}>;
type Parts = Readonly<{ session: BuildSession; progress: BuildProgress }>;

/** Brings what was built to all places that were asked for, with what is to be said of it. */
async function deliver(made: Made, flags: BuildFlags, outputs: readonly Output[], parts: Parts) {
  const { images, settings } = made;
  const { store, layers, signal } = parts.session;
  const media = outputs.flatMap((output) => (output.type === 'image' ? (output.mediaTypes ?? []) : []))[0];
  const result = await storeResult(store, images, {
    mediaTypes: media ?? flags.format,
    annotations: made.annotations,
    alwaysIndex: settings.alwaysIndex,
  });
  const openRepository = async (image: string) => {
    const { registry, repository } = parseReference(image);
    return (await parts.session.client()).repository(registry, repository);
  };
  using _kept = keepDuringExport(store, result.root, outputs);
  const named = new Set(outputs.flatMap((output) => ('names' in output ? output.names : flags.tag)));
  const names = [...named];
  const attestations = await attest(made, { result, images, names }, flags, outputs, parts);
  let elsewhere: Descriptor | undefined;
  for (const output of outputs) {
    const written = await writeOutput(output, {
      store,
      layers,
      result,
      images,
      attestations,
      openRepository,
      progress: parts.progress,
      signal,
    });
    elsewhere ??= written;
  }
  writeReports({ result, elsewhere, names, attestations }, flags);
  return result;
}

/** @returns for each image; nothing when nothing was asked for. */
async function attest(
  { wanted, started, ...made }: Made,
  built: Parameters<typeof import('./build-attach.js').attestImages>[0],
  flags: BuildFlags,
  outputs: readonly Output[],
  parts: Parts,
): Promise<readonly (readonly Attestation[])[]> {
  if (wanted.sbom === undefined && wanted.provenance === undefined) return [];
  const { attestImages, invocationOf } = await import('./build-attach.js');
  const invocation = await invocationOf({ ...made, flags, started });
  return attestImages(built, { ...parts, wanted, invocation, isStored: outputs.some(holdsReferrers) });
}

/** @throws {UsageError} no result can hold it. */
function wantedOf(
  flags: BuildFlags,
  outputs: readonly Output[],
  progress: BuildProgress,
): WantedAttestations {
  const wanted = parseAttestations(flags);
  if (wanted.sbom === undefined && wanted.provenance === undefined) return wanted;
  const unfit = outputs.filter(({ type }) => type === 'docker' || type === 'cacheonly');
  if (unfit.length === outputs.length)
    throw new UsageError(`--output type=${unfit[0]?.type} cannot hold an SBOM or provenance: use type=oci`);
  if (unfit.some(({ type }) => type === 'docker'))
    progress.warn('type=docker cannot hold an SBOM or provenance: the archive is without');
  return wanted;
}

/** Writes caches to where they were asked for, the images themselves among that. */
async function withCaches(
  images: readonly BuiltImage[],
  cacheTo: readonly string[],
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
  const isKept =
    outputs.some((output) => output.type === 'image' && output.store) ||
    store.find(root.digest) !== undefined;
  if (isNeeded) store.tagMany(root, []);
  return {
    [Symbol.dispose]: () => {
      const record = isNeeded && !isKept ? store.find(root.digest) : undefined;
      if (record !== undefined && record.names.length === 0) store.remove(record);
    },
  };
}
