import { ANNOTATION_PLACES, type Annotation } from '../builder/index.js';
import { formatPlatform, parsePlatform, parseReference } from '../oci/index.js';
import { didYouMean } from '../spelling/index.js';
import { type BuildFlags, specFields, splitPair } from './build-flags.js';
import { UsageError } from './failure.js';

/** `isNamed`: whether somebody asked for it, or it is what is usual. */
export type Compression = Readonly<{
  format: 'gzip' | 'zstd' | 'none';
  isNamed: boolean;
  level?: number;
  force: boolean;
}>;

/** Where the result goes. `dest` `-` is standard output. */
export type Output =
  | Readonly<{
      type: 'image';
      names: readonly string[];
      /** `digest`: without giving the names to it. */
      push: 'no' | 'names' | 'digest';
      /** Whether it stays in the store. */
      store: boolean;
      compression: Compression;
      mediaTypes?: 'oci' | 'docker';
    }>
  | Readonly<{
      type: 'oci' | 'docker';
      dest: string;
      names: readonly string[];
      tar: boolean;
      compression: Compression;
    }>
  /** `split`: a directory for each of several platforms. */
  | Readonly<{ type: 'tar' | 'local'; dest: string; split: boolean; prefix: string }>
  | Readonly<{ type: 'cacheonly' }>;

/** All that the flags say of results. */
export type Outputs = Readonly<{
  outputs: readonly Output[];
  annotations: readonly Annotation[];
  rewritesTimes: boolean;
  /** Some registry has no certificate that anybody trusts. */
  insecure: boolean;
}>;

type Flags = Pick<BuildFlags, 'output' | 'push' | 'tag' | 'annotation'>;

const COMPRESSION = ['compression', 'compression-level', 'force-compression'];
const COMMON = ['type', 'rewrite-timestamp'];
/** Of each type, with those that mean nothing here and do no harm. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  image: [
    ...COMPRESSION,
    ...['name', 'push', 'push-by-digest', 'registry.insecure', 'oci-mediatypes', 'store', 'unpack'],
    ...['name-canonical', 'dangling-name-prefix', 'oci-artifact', 'buildinfo', 'buildinfo-attrs'],
  ],
  oci: [...COMPRESSION, 'dest', 'tar', 'name', 'oci-mediatypes', 'oci-artifact'],
  docker: [...COMPRESSION, 'dest', 'tar', 'name', 'oci-mediatypes', 'oci-artifact'],
  tar: ['dest', 'platform-split', 'attestation-prefix'],
  local: ['dest', 'platform-split', 'attestation-prefix', 'mode'],
  cacheonly: [],
};
const ANNOTATION_KEY = /^annotation(?:-([a-z-]+))?(?:\[([^\]]*)\])?\.(.+)$/s;

/** What `--output` and `--push` ask for; an image in the local store when they ask for nothing. @throws {UsageError} */
export function parseOutputs({ output, push = false, tag, annotation }: Flags): Outputs {
  const specs = output.map((text) => specOf(text));
  const parsed = specs.map((spec) => outputOf(spec, tag, push));
  const isImage = parsed.some(({ type }) => type === 'image');
  const byDefault = parsed.length === 0 || (push && !isImage) ? [defaultImage(tag, push)] : [];
  const outputs = [...parsed, ...byDefault];
  for (const name of [...tag, ...outputs.flatMap((one) => ('names' in one ? one.names : []))])
    expectName(name);
  if (outputs.filter((one) => 'dest' in one && one.dest === '-').length > 1)
    throw new UsageError('only one --output can go to standard output');
  return {
    outputs,
    annotations: [...annotation.flatMap(annotationsOf), ...specs.flatMap(annotationsIn)],
    rewritesTimes: specs.some((spec) => isTrue(spec, 'rewrite-timestamp')),
    insecure: specs.some((spec) => isTrue(spec, 'registry.insecure')),
  };
}

/** Before the steps, whose result would have nowhere to go. @throws {UsageError} */
function expectName(name: string): void {
  try {
    parseReference(name);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function defaultImage(names: readonly string[], push: boolean): Output {
  const compression = { format: 'gzip', isNamed: false, force: false } as const;
  return { type: 'image', names, push: push ? 'names' : 'no', store: true, compression };
}

type Spec = ReadonlyMap<string, string>;

/** Keys in lower case, but for those of annotations, which are what somebody likes. */
function specOf(text: string): Spec {
  if (text === '-')
    return new Map([
      ['type', 'tar'],
      ['dest', '-'],
    ]);
  const fields = specFields(text);
  const [first] = fields;
  if (fields.length === 1 && first !== undefined && !text.includes('='))
    return new Map([
      ['type', 'local'],
      ['dest', text],
    ]);
  const spec = new Map(
    fields.map(([name, value]) => [/^annotation/i.test(name) ? name : name.toLowerCase(), value] as const),
  );
  const given = spec.get('type');
  if (given === undefined) throw new UsageError(`--output ${text}: type= is missing`);
  const keys = KEYS[given === 'registry' ? 'image' : given];
  if (keys === undefined) {
    throw new UsageError(
      `--output type=${given}: it is image, oci, docker, tar, local, registry or cacheonly`,
    );
  }
  const known = [...COMMON, ...keys];
  const unknown = [...spec.keys()].find((key) => !known.includes(key) && !ANNOTATION_KEY.test(key));
  if (unknown !== undefined)
    throw new UsageError(
      `--output ${text}: type=${given} has no option ${unknown}${didYouMean(unknown, known)}`,
    );
  return spec;
}

function outputOf(spec: Spec, tags: readonly string[], pushAll: boolean): Output {
  const type = spec.get('type');
  const names = [...tags, ...(spec.get('name')?.split(',') ?? [])].filter((name) => name !== '');
  switch (type) {
    case 'image':
    case 'registry': {
      const isPushed = type === 'registry' || isTrue(spec, 'push') || pushAll;
      const mediaTypes = spec.get('oci-mediatypes');
      return {
        type: 'image',
        names,
        push: !isPushed ? 'no' : isTrue(spec, 'push-by-digest') ? 'digest' : 'names',
        store: !isPushed || !isFalse(spec, 'store'),
        compression: compressionOf(spec),
        ...(mediaTypes !== undefined && { mediaTypes: isTrue(spec, 'oci-mediatypes') ? 'oci' : 'docker' }),
      };
    }
    case 'oci':
    case 'docker': {
      const tar = !isFalse(spec, 'tar');
      if (!tar && type === 'docker')
        throw new UsageError('type=docker is a tar: leave out tar=false, or use type=oci');
      return {
        type,
        names,
        tar,
        dest: destOf(spec, { type, isDirectory: !tar }),
        compression: compressionOf(spec),
      };
    }
    case 'tar':
    case 'local': {
      if (spec.get('mode') !== undefined && spec.get('mode') !== 'copy')
        throw new UsageError(`mode=${spec.get('mode')}: files are copied, and nothing is removed`);
      const dest = destOf(spec, { type, isDirectory: type === 'local' });
      const prefix = spec.get('attestation-prefix') ?? '';
      if (prefix.includes('/')) throw new UsageError(`attestation-prefix=${prefix}: it is a part of a name`);
      return { type, dest, split: !isFalse(spec, 'platform-split'), prefix };
    }
    default:
      return { type: 'cacheonly' };
  }
}

function destOf(spec: Spec, { type, isDirectory }: { type: string; isDirectory: boolean }): string {
  const dest = spec.get('dest') ?? '';
  if (isDirectory && (dest === '' || dest === '-'))
    throw new UsageError(`--output type=${type} needs dest=<directory>`);
  if (dest !== '' && dest !== '-') return dest;
  if (process.stdout.isTTY)
    throw new UsageError(
      `--output type=${type} is not for a terminal: use dest=<file>, or redirect the output`,
    );
  return '-';
}

function isTrue(spec: Spec, key: string): boolean {
  const value = spec.get(key);
  if (value === undefined || /^(false|0)$/i.test(value)) return false;
  if (/^(true|1)?$/i.test(value)) return true;
  throw new UsageError(`${key}=${value}: it is true or false`);
}

function isFalse(spec: Spec, key: string): boolean {
  return spec.has(key) && !isTrue(spec, key);
}

const LEVELS = { gzip: 9, zstd: 22, none: 0 } as const;

function compressionOf(spec: Spec): Compression {
  const named = spec.get('compression') ?? 'gzip';
  const format = named === 'uncompressed' ? 'none' : named;
  if (format !== 'gzip' && format !== 'zstd' && format !== 'none')
    throw new UsageError(`compression=${named}: it is gzip, zstd or uncompressed`);
  const level = spec.get('compression-level');
  const isLevel = level === undefined || (/^\d{1,2}$/.test(level) && Number(level) <= LEVELS[format]);
  if (!isLevel) throw new UsageError(`compression-level=${level}: of ${named} it is 0 to ${LEVELS[format]}`);
  return {
    format,
    isNamed: spec.has('compression') || level !== undefined,
    ...(level !== undefined && { level: Number(level) }),
    force: isTrue(spec, 'force-compression'),
  };
}

/** `annotation-manifest[linux/amd64].name=value` in a specification. */
function annotationsIn(spec: Spec): Annotation[] {
  return [...spec].flatMap(([key, value]) => {
    const [, place = 'manifest', platform, name] = ANNOTATION_KEY.exec(key) ?? [];
    return name === undefined ? [] : [annotation(key, { place, platform, name, value })];
  });
}

/** Names of annotations have dots, and no colons: what stands before one is a type, known or not. */
const ANNOTATION_PREFIX = /^([a-z-]+(?:\[[^\]]*\])?(?:,[a-z-]+(?:\[[^\]]*\])?)*):(.*)$/s;

/** `[type[platform][,type]:]name=value` of `--annotation`: of the manifest unless a type says otherwise. */
function annotationsOf(text: string): Annotation[] {
  const [, places = 'manifest', pair = text] = ANNOTATION_PREFIX.exec(text) ?? [];
  const [name, value] = splitPair(pair);
  if (name === '' || value === undefined) throw new UsageError(`--annotation ${text}: write name=value`);
  return places.split(/,(?![^[]*\])/).map((written) => {
    const [, place = '', platform] = /^([a-z-]+)(?:\[([^\]]*)\])?$/.exec(written) ?? [];
    return annotation(text, { place, platform, name, value });
  });
}

function annotation(
  text: string,
  {
    place,
    platform,
    name,
    value,
  }: { place: string; platform: string | undefined; name: string; value: string },
): Annotation {
  const known = ANNOTATION_PLACES.find((one) => one === place);
  if (known === undefined)
    throw new UsageError(`${text}: an annotation is of ${ANNOTATION_PLACES.join(', ')}`);
  if (platform === undefined) return { place: known, name, value };
  try {
    return { place: known, platform: formatPlatform(parsePlatform(platform)), name, value };
  } catch (error) {
    throw new UsageError(`${text}: ${(error as Error).message}`, { cause: error });
  }
}
