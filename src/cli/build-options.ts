import { resolve } from 'node:path';
import { type BuildOptions, contextName, type Dockerfile, type NamedContext } from '../builder/index.js';
import { formatPlatform, hostPlatform, type Platform } from '../oci/index.js';
import { layoutBase } from './build-bases.js';
import type { BuildInput, ContextOpener } from './build-context.js';
import { debugShells } from './build-debug-shell.js';
import {
  type BuildFlags,
  parseBuildArgs,
  parseLabels,
  parsePlatformFlag,
  parsePull,
  parseSize,
  parseUlimits,
  splitPair,
} from './build-flags.js';
import type { BuildProgress } from './build-progress.js';
import type { BuildSession } from './build-session.js';
import { UsageError } from './failure.js';

type Given = Readonly<{
  input: BuildInput;
  dockerfile: Dockerfile;
  platforms: readonly Platform[];
  contexts: ContextOpener;
  session: BuildSession;
  progress: BuildProgress;
  /** Whether an output asks for it. */
  rewritesTimes: boolean;
}>;

/** What the flags ask to be built, with all that they point to opened. @throws {UsageError} */
export async function optionsOf(
  flags: BuildFlags,
  { input, dockerfile, platforms, contexts, session, progress, rewritesTimes }: Given,
): Promise<BuildOptions> {
  const buildArgs = parseBuildArgs(flags.buildArg, process.env);
  const epoch = epochOf(flags, buildArgs);
  if (epoch !== undefined && !buildArgs.has('SOURCE_DATE_EPOCH'))
    buildArgs.set('SOURCE_DATE_EPOCH', String(epoch));
  const rewrites = flags.rewriteTimestamp === true || rewritesTimes;
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
    contexts: await namedContexts(flags.buildContext, { contexts, session }),
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
    ...allowances(flags),
    addHosts: flags.addHost,
    ...(flags.shmSize !== undefined && { shmBytes: parseSize(flags.shmSize, '--shm-size') }),
    ulimits: parseUlimits(flags.ulimit),
    ...(flags.cgroupParent !== undefined && { cgroupParent: flags.cgroupParent }),
    ...(flags.debug === true && isTerminal() && { onFailed: debugShells(progress) }),
  };
}

/** `--allow security.insecure`, `device`, `device=name`; what other builders have to be told is always allowed. */
function allowances({ allow, cdiSpecDir }: BuildFlags): Pick<BuildOptions, 'allowInsecure' | 'devices'> {
  const unknown = allow.find(
    (text) => !/^(security\.insecure|network\.host|device(=.+)?|ssh|fs(\.read|\.write)?=.*)$/.test(text),
  );
  if (unknown !== undefined)
    throw new UsageError(`--allow ${unknown}: it is security.insecure, device or device=<name>`);
  const names = allow.flatMap((text) => /^device=([^,]+)/.exec(text)?.[1] ?? []);
  return {
    allowInsecure: allow.includes('security.insecure'),
    devices: {
      allowed: allow.includes('device') ? 'all' : names,
      directories: cdiSpecDir.map((directory) => resolve(directory)),
    },
  };
}

function isTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
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
  given: Pick<Given, 'contexts' | 'session'>,
): Promise<Map<string, NamedContext>> {
  const named = new Map<string, NamedContext>();
  for (const text of texts) {
    const [name, source] = splitPair(text);
    if (source === undefined || name === '')
      throw new UsageError(`--build-context ${text}: write name=source`);
    named.set(keyOf(name), await namedContext(name, source, given));
  }
  return named;
}

/** `docker.io/library/alpine` and `alpine` are one name; a platform may follow after two colons. */
function keyOf(name: string): string {
  const [image = '', platform] = name.toLowerCase().split('::');
  if (platform === undefined) return contextName(image);
  return `${contextName(image)}::${formatPlatform(parsePlatformFlag(platform, '--build-context'))}`;
}

async function namedContext(
  name: string,
  source: string,
  { contexts, session }: Pick<Given, 'contexts' | 'session'>,
): Promise<NamedContext> {
  const image = /^docker-image:\/\/(.+)$/.exec(source)?.[1];
  if (image !== undefined) return { kind: 'image', name: image };
  const layout = /^oci-layout:\/\/(.+)$/.exec(source)?.[1];
  if (layout === undefined) return { kind: 'tree', tree: await contexts.openTree(source, name) };
  const { store, signal } = session;
  return {
    kind: 'base',
    resolve: (platform) => layoutBase(layout, { name, store, platform, signal }),
  };
}
