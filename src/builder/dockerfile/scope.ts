import { formatPlatform, type Platform } from '../../oci/index.js';
import type { Dockerfile, EscapeCharacter } from './dockerfile.js';
import { ExpansionError, expand, type Lookup } from './expand.js';
import type { ArgDeclaration, Instruction } from './instruction.js';
import { errorAt } from './parse.js';

/** What the predefined arguments speak of. `stage` is the name of the target, `default` when it has none. */
export type Platforms = Readonly<{ build: Platform; target: Platform; stage?: string }>;

export type ArgSources = Readonly<{
  /** From the command line. */
  buildArgs: ReadonlyMap<string, string>;
  /** See {@link globalScope}. */
  globals: ReadonlyMap<string, string>;
}>;

/** Arguments that every file has before its first line. A stage sees those that it declares. */
export function predefinedArgs({ build, target, stage = 'default' }: Platforms): Map<string, string> {
  return new Map([
    ...platformArgs('BUILD', build),
    ...platformArgs('TARGET', target),
    ['TARGETSTAGE', stage],
  ]);
}

function platformArgs(prefix: string, platform: Platform): [string, string][] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
}

/**
 * What FROM lines see, and what a stage's ARG without a value takes: predefined arguments and those before the first
 * FROM, each overridden by the command line. A declaration without any value sets nothing.
 * @throws {DockerfileError} a default that cannot be expanded.
 */
export function globalScope(
  dockerfile: Dockerfile,
  { buildArgs, platforms }: Readonly<{ buildArgs: ReadonlyMap<string, string>; platforms: Platforms }>,
): Map<string, string> {
  const scope = predefinedArgs(platforms);
  for (const name of scope.keys()) scope.set(name, buildArgs.get(name) ?? scope.get(name) ?? '');
  for (const { args, location } of dockerfile.globalArgs) {
    for (const { name, value } of args) {
      const result = buildArgs.get(name) ?? expandedDefault(value);
      if (result !== undefined) scope.set(name, result);
    }
    function expandedDefault(value: string | undefined): string | undefined {
      try {
        return value === undefined ? undefined : expand(value, (name) => scope.get(name), dockerfile);
      } catch (error) {
        if (!(error instanceof ExpansionError)) throw error;
        throw errorAt(dockerfile, location, error.message, { word: error.word, cause: error });
      }
    }
  }
  return scope;
}

/**
 * The value of an ARG in a stage: command line, then its own default, then the global scope.
 * @param lookup the stage's variables before this instruction, for the default.
 * @returns undefined: the name is declared, and not set.
 * @throws {ExpansionError}
 */
export function argValue(
  { name, value }: ArgDeclaration,
  { buildArgs, globals }: ArgSources,
  lookup: Lookup,
  options: Readonly<{ escape?: EscapeCharacter; onName?: (name: string, found: boolean) => void }> = {},
): string | undefined {
  const own = value === undefined ? undefined : expand(value, lookup, options);
  return buildArgs.get(name) ?? own ?? globals.get(name);
}

const PROXY_ARGS = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'];

/** Arguments that RUN sees without any declaration. */
export function isProxyArg(name: string): boolean {
  return PROXY_ARGS.includes(name.toLowerCase());
}

/** Variables of RUN for proxies, in both spellings. They belong neither in history nor in a cache key. */
export function proxyEnvironment(buildArgs: ReadonlyMap<string, string>): Map<string, string> {
  const found = [...buildArgs].filter(([name]) => isProxyArg(name));
  return new Map(
    found.flatMap(([name, value]) => [
      [name.toUpperCase(), value],
      [name.toLowerCase(), value],
    ]),
  );
}

/** Arguments that speak to the builder, which need no declaration. */
const META_ARGS: readonly string[] = [
  'SOURCE_DATE_EPOCH',
  'BUILDKIT_BUILD_NAME',
  'BUILDKIT_CACHE_MOUNT_NS',
  'BUILDKIT_CONTEXT_KEEP_GIT_DIR',
  'BUILDKIT_DOCKERFILE_CHECK',
  'BUILDKIT_INLINE_CACHE',
  'BUILDKIT_MULTI_PLATFORM',
  'BUILDKIT_SANDBOX_HOSTNAME',
  'BUILDKIT_SBOM_SCAN_CONTEXT',
  'BUILDKIT_SBOM_SCAN_STAGE',
  'BUILDKIT_SYNTAX',
];

/** Names from the command line that nothing in the file asks for: misspelled, perhaps. */
export function unusedBuildArgs(dockerfile: Dockerfile, names: Iterable<string>): string[] {
  const instructions = [
    ...dockerfile.globalArgs,
    ...dockerfile.stages.flatMap((stage) => stage.instructions),
  ];
  const declared = new Set(instructions.flatMap(declaredNames));
  for (const name of predefinedArgs({ build: NOWHERE, target: NOWHERE }).keys()) declared.add(name);
  return [...names].filter((name) => !declared.has(name) && !isProxyArg(name) && !META_ARGS.includes(name));
}

const NOWHERE: Platform = { os: '', architecture: '' };

function declaredNames(instruction: Instruction): string[] {
  if (instruction.kind === 'onbuild') return declaredNames(instruction.inner);
  return instruction.kind === 'arg' ? instruction.args.map(({ name }) => name) : [];
}
