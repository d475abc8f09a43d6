import type { Ulimit } from '../layer/index.js';
import { formatPlatform, hostPlatform, type Platform, parsePlatform } from '../oci/index.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';
import type { RegistryFlags } from './registry-options.js';

/** The flags of `berth build` as the command line has them. */
export type BuildFlags = StoreFlags &
  RegistryFlags &
  Readonly<{
    file?: string;
    tag: readonly string[];
    target?: string;
    buildArg: readonly string[];
    label: readonly string[];
    annotation: readonly string[];
    platform: readonly string[];
    buildContext: readonly string[];
    pull?: boolean | string;
    secret: readonly string[];
    ssh: readonly string[];
    timestamp?: number;
    sourceDateEpoch?: number;
    rewriteTimestamp?: boolean;
    network: 'default' | 'none' | 'host';
    addHost: readonly string[];
    shmSize?: string;
    ulimit: readonly string[];
    cgroupParent?: string;
    allow: readonly string[];
    cdiSpecDir: readonly string[];
    output: readonly string[];
    push?: boolean;
    format: 'oci' | 'docker';
    squash?: boolean;
    iidfile?: string;
    metadataFile?: string;
    attest: readonly string[];
    sbom?: boolean | string;
    provenance?: boolean | string;
    quiet?: boolean;
    progress?: string;
    /** `--no-cache` makes it false; `--no-cache-filter` is stored apart. */
    cache: boolean;
    cacheFilter: readonly string[] | boolean;
    cacheFrom: readonly string[];
    cacheTo: readonly string[];
    check?: boolean;
    call: 'build' | 'check' | 'lint' | 'outline' | 'targets';
    printTree?: boolean;
    debug?: boolean;
  }>;

/** `name=value`; without a value that of the environment, if it has one. */
export function parseBuildArgs(texts: readonly string[], env: NodeJS.ProcessEnv): Map<string, string> {
  const args = new Map<string, string>();
  for (const text of texts) {
    const [name, value] = splitPair(text);
    const given = value ?? env[name];
    if (name === '') throw new UsageError(`--build-arg ${text} has no name: write --build-arg NAME=value`);
    if (given !== undefined) args.set(name, given);
  }
  return args;
}

/** `name=value`; without a value it is empty. */
export function parseLabels(texts: readonly string[]): Map<string, string> {
  return new Map(texts.map((text) => [splitPair(text)[0], splitPair(text)[1] ?? '']));
}

/** `linux/amd64,linux/arm64`, several times; each once, however it is written. This machine's when there is none. */
export function parsePlatforms(texts: readonly string[]): Platform[] {
  const names = texts.flatMap((text) => text.split(',')).filter((name) => name.trim() !== '');
  const platforms = new Map(
    names.map((name) => {
      const platform =
        name.trim() === 'local' ? hostPlatform() : parsePlatformFlag(name.trim(), '--platform');
      return [formatPlatform(platform), platform] as const;
    }),
  );
  return platforms.size > 0 ? [...platforms.values()] : [{ ...hostPlatform(), os: 'linux' }];
}

/** @throws {UsageError} */
export function parsePlatformFlag(name: string, flag: string): Platform {
  try {
    return parsePlatform(name);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${flag}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** `--pull` alone is `always`. */
export function parsePull(pull: boolean | string | undefined): 'always' | 'missing' | 'never' {
  if (pull === undefined || pull === false || pull === 'missing' || pull === 'false') return 'missing';
  if (pull === true || pull === 'always' || pull === 'true') return 'always';
  if (pull === 'never') return 'never';
  throw new UsageError(`--pull=${pull}: it is always, missing or never`);
}

/** `nofile=1024:2048`. */
export function parseUlimits(texts: readonly string[]): Ulimit[] {
  return texts.map((text) => {
    const [, name = '', soft = '', hard = soft] = /^([a-z]+)=(-1|\d+)(?::(-1|\d+))?$/.exec(text) ?? [];
    if (name === '') throw new UsageError(`--ulimit ${text}: write name=soft[:hard], as in nofile=1024:2048`);
    return { name, soft: Number(soft), hard: Number(hard) };
  });
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** `64m`, `1.5gb`, in bytes. */
export function parseSize(text: string, flag: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? [];
  const factor = UNITS[unit.toLowerCase()];
  if (number === undefined || factor === undefined)
    throw new UsageError(`${flag} ${text}: write a size as in 64m`);
  return Math.floor(Number(number) * factor);
}

/** `type=local,dest=out`: fields by their names in lower case. */
export function parseSpec(text: string): Map<string, string> {
  return new Map(specFields(text).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Fields of a specification as they are written; one without `=` has the value `''`. Quotes as in CSV. */
export function specFields(text: string): (readonly [name: string, value: string])[] {
  const fields = text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? [];
  return fields.map((field) => {
    const plain =
      field.startsWith('"') && field.endsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
    const [name, value] = splitPair(plain.trim());
    return [name, value ?? ''];
  });
}

export function splitPair(text: string): [name: string, value: string | undefined] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}
