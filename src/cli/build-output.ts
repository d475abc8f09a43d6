import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type BuiltImage,
  type Layers,
  resultFiles,
  type StoredResult,
  writeDirectory,
} from '../builder/index.js';
import type { ImageEndpoint } from '../content/index.js';
import type { LocalStore, OnTransfer } from '../image/index.js';
import { formatPlatform, formatReference, keyText, parseReference } from '../oci/index.js';
import type { Attestation } from './build-attach.js';
import { type BuildFlags, parseSize, parseSpec } from './build-flags.js';
import type { BuildProgress } from './build-progress.js';
import { UsageError } from './failure.js';

type Compression = Readonly<{ format: 'gzip' | 'zstd' | 'none'; level?: number; force: boolean }>;

/** Where the result goes. `dest` `-` is standard output. */
export type Output =
  | Readonly<{
      type: 'image';
      names: readonly string[];
      push: boolean;
      compression: Compression;
      mediaTypes?: 'oci' | 'docker';
    }>
  | Readonly<{ type: 'oci' | 'docker'; dest: string; tar: boolean; compression: Compression }>
  | Readonly<{ type: 'tar' | 'local'; dest: string }>
  | Readonly<{ type: 'cacheonly' }>;

/** What `--output` and `--push` ask for; an image in the local store when they ask for nothing. */
export function parseOutputs({ output, push, tag }: Pick<BuildFlags, 'output' | 'push' | 'tag'>): Output[] {
  const outputs = output.map((text) => parseOutput(text, { push: push === true, names: tag }));
  if (outputs.length > 0) return outputs;
  return [{ type: 'image', names: tag, push: push === true, compression: { format: 'gzip', force: false } }];
}

function parseOutput(text: string, defaults: Readonly<{ push: boolean; names: readonly string[] }>): Output {
  if (text === '-') return { type: 'tar', dest: '-' };
  const spec = parseSpec(text);
  const type = spec.get('type');
  if (type === undefined) {
    if (text.includes('=')) throw new UsageError(`--output ${text}: type= is missing`);
    return { type: 'local', dest: text };
  }
  const dest = spec.get('dest');
  const compression = compressionOf(spec);
  switch (type) {
    case 'image':
    case 'registry': {
      const names = spec.get('name')?.split(',') ?? [];
      const mediaTypes = spec.get('oci-mediatypes');
      return {
        type: 'image',
        names: [...defaults.names, ...names],
        push: type === 'registry' || isTrue(spec.get('push')) || defaults.push,
        compression,
        ...(mediaTypes !== undefined && { mediaTypes: isTrue(mediaTypes) ? 'oci' : 'docker' }),
      };
    }
    case 'oci':
    case 'docker':
      return {
        type,
        dest: dest ?? '-',
        tar: spec.get('tar') === undefined || isTrue(spec.get('tar')),
        compression,
      };
    case 'tar':
      return { type, dest: dest ?? '-' };
    case 'local':
      if (dest === undefined) throw new UsageError('--output type=local needs dest=<directory>');
      return { type, dest };
    case 'cacheonly':
      return { type };
    default:
      throw new UsageError(
        `--output type=${type}: it is image, oci, docker, tar, local, registry or cacheonly`,
      );
  }
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1' || text === '';
}

function compressionOf(spec: ReadonlyMap<string, string>): Compression {
  const named = spec.get('compression') ?? 'gzip';
  const format = named === 'uncompressed' ? 'none' : named;
  if (format !== 'gzip' && format !== 'zstd' && format !== 'none') {
    throw new UsageError(`compression=${named}: it is gzip, zstd or uncompressed`);
  }
  const level = spec.get('compression-level');
  return {
    format,
    ...(level !== undefined && { level: parseSize(level, 'compression-level') }),
    force: isTrue(spec.get('force-compression')),
  };
}

/** Whether it holds images, and so what is about them. */
export function holdsReferrers({ type }: Output): boolean {
  return type === 'image' || type === 'oci';
}

type Parts = Readonly<{
  store: LocalStore;
  layers: Layers;
  result: StoredResult;
  images: readonly BuiltImage[];
  /** What is said of each image; nothing when nothing was asked for. */
  attestations: readonly (readonly Attestation[])[];
  names: readonly string[];
  openRepository: (name: string) => Promise<ImageEndpoint>;
  progress: BuildProgress;
  signal: AbortSignal;
}>;

/** Brings a result to where it was asked for. @returns descriptors of what was pushed, by name. */
export async function writeOutput(output: Output, parts: Parts): Promise<void> {
  switch (output.type) {
    case 'cacheonly':
      return;
    case 'image':
      parts.store.tagMany(
        parts.result.root,
        output.names.map((name) => formatReference(parseReference(name))),
      );
      if (output.push) await pushAll(output, parts);
      return;
    case 'oci':
    case 'docker':
      return withStep(parts, `exporting to ${output.type} image format`, (onTransfer) =>
        writeArchive(output, parts, onTransfer),
      );
    case 'tar':
      return withStep(parts, 'exporting to client tarball', () => writeTar(output.dest, parts));
    case 'local':
      return withStep(parts, 'exporting to client directory', () => writeLocal(output.dest, parts));
  }
}

async function withStep(
  { progress }: Parts,
  name: string,
  work: (onTransfer: OnTransfer) => Promise<void>,
): Promise<void> {
  const step = progress.begin(name);
  let bytes = 0;
  try {
    await work((event) => {
      if (event.kind !== 'bytes') return;
      bytes += event.bytes;
      step.status(`${(bytes / 1e6).toFixed(1)} MB`);
    });
    step.done();
  } catch (error) {
    step.failed(error);
    throw error;
  }
}

async function pushAll(output: Extract<Output, { type: 'image' }>, parts: Parts): Promise<void> {
  if (output.names.length === 0) throw new UsageError('--push needs a name: give one with --tag');
  const { copy } = await import('../image/index.js');
  for (const name of output.names) {
    const reference = parseReference(name);
    await withStep(parts, `pushing ${name}`, async (onTransfer) => {
      const source = await compressedStore(output.compression, parts, onTransfer);
      const repository = await parts.openRepository(name);
      const { signal, store } = parts;
      const pushed = await copy(source, parts.result.root.digest, repository, [keyText(reference.key)], {
        signal,
        onProgress: onTransfer,
        referrers: parts.attestations.length > 0,
      });
      store.addRepoDigest(parts.result.root.digest, repository.name, pushed.digest);
    });
  }
}

async function compressedStore(
  { format, level, force }: Compression,
  { store, signal }: Parts,
  onProgress: OnTransfer,
  media?: 'oci' | 'docker',
) {
  const { compressed } = await import('../image/index.js');
  return compressed(store, {
    compression: format,
    force,
    onProgress,
    signal,
    ...(level !== undefined && { level }),
    ...(media !== undefined && { format: media }),
  });
}

async function writeArchive(
  output: Extract<Output, { type: 'oci' | 'docker' }>,
  parts: Parts,
  onTransfer: OnTransfer,
): Promise<void> {
  const { ArchiveOutput, copy, DockerArchiveWriter, LayoutDirectory, OciArchiveWriter } = await import(
    '../image/index.js'
  );
  const { store, result, signal } = parts;
  const keys =
    parts.names.length > 0 ? parts.names.map((name) => formatReference(parseReference(name))) : [''];
  const source =
    output.type === 'docker' ? store : await compressedStore(output.compression, parts, onTransfer, 'oci');
  const referrers = parts.attestations.length > 0 && holdsReferrers(output);
  const options = { signal, referrers, onProgress: onTransfer };
  if (!output.tar) {
    if (output.type === 'docker')
      throw new UsageError('type=docker is a tar: leave out tar=false, or use type=oci');
    await copy(source, result.root.digest, LayoutDirectory.create(resolve(output.dest)), keys, options);
    return;
  }
  await using archive =
    output.dest === '-' ? ArchiveOutput.toStream(process.stdout) : ArchiveOutput.toFile(resolve(output.dest));
  const Writer = output.type === 'oci' ? OciArchiveWriter : DockerArchiveWriter;
  const name = `${output.type}-archive:${output.dest}`;
  const target = new Writer({ name, output: archive, temporary: () => store.temporaryDirectory() });
  await copy(source, result.root.digest, target, keys, options);
}

/** Several platforms go into a directory each. */
async function writeTar(dest: string, { images, layers, attestations }: Parts): Promise<void> {
  const { ArchiveOutput } = await import('../image/index.js');
  await using archive =
    dest === '-' ? ArchiveOutput.toStream(process.stdout) : ArchiveOutput.toFile(resolve(dest));
  for (const [i, image] of images.entries()) {
    const prefix = images.length === 1 ? '' : `${directoryOf(image)}/`;
    for (const { entry, chunks } of resultFiles(await layers.view(image.layers))) {
      const moved = { ...entry, path: `${prefix}${entry.path}` };
      const { linkName } = entry;
      const isLink = entry.type === 'hardlink' && linkName !== undefined;
      await archive.add(isLink ? { ...moved, linkName: `${prefix}${linkName}` } : moved, copies(chunks));
    }
    const mtime = Math.floor(Date.parse(image.config.created ?? '') / 1000) || 0;
    for (const { name, bytes } of filesOf(attestations[i])) {
      const owner = { mode: 0o644, uid: 0, gid: 0 };
      await archive.add({ path: `${prefix}${name}`, type: 'file', ...owner, size: bytes.length, mtime }, [
        bytes,
      ]);
    }
  }
  await archive.finish();
}

async function writeLocal(dest: string, { images, layers, attestations, progress }: Parts): Promise<void> {
  for (const [i, image] of images.entries()) {
    const directory = images.length === 1 ? resolve(dest) : resolve(dest, directoryOf(image));
    await writeDirectory(await layers.view(image.layers), directory, (path) =>
      progress.warn(`${path} is a device or a pipe: it is left out`),
    );
    for (const { name, bytes } of filesOf(attestations[i])) {
      // The image may have made a link of that name.
      rmSync(join(directory, name), { recursive: true, force: true });
      writeFileSync(join(directory, name), bytes, { flag: 'wx' });
    }
  }
}

/** Beside the files of an image. */
function filesOf(attestations: readonly Attestation[] = []): { name: string; bytes: Buffer }[] {
  return attestations.flatMap(({ fileName, statement }) =>
    fileName === undefined
      ? []
      : [{ name: fileName, bytes: Buffer.from(`${JSON.stringify(statement, null, 2)}\n`) }],
  );
}

function directoryOf({ platform }: BuiltImage): string {
  return formatPlatform(platform).replaceAll('/', '_');
}

/** The archive keeps chunks for a while. */
function* copies(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
