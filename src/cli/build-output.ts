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
import { type Descriptor, formatPlatform, formatReference, keyText, parseReference } from '../oci/index.js';
import type { Attestation } from './build-attach.js';
import type { Compression, Output } from './build-output-spec.js';
import type { BuildProgress } from './build-progress.js';
import { UsageError } from './failure.js';

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
  openRepository: (name: string) => Promise<ImageEndpoint>;
  progress: BuildProgress;
  signal: AbortSignal;
}>;

/**
 * Brings a result to where it was asked for.
 * @returns what the image is called there, where layers are compressed on the way to another place.
 */
export async function writeOutput(output: Output, parts: Parts): Promise<Descriptor | undefined> {
  switch (output.type) {
    case 'cacheonly':
      return undefined;
    case 'image':
      if (output.store)
        parts.store.tagMany(
          parts.result.root,
          output.names.map((name) => formatReference(parseReference(name))),
        );
      return output.push === 'no' ? undefined : pushAll(output, parts);
    case 'oci':
    case 'docker':
      return withStep(parts, `exporting to ${output.type} image format`, (onTransfer) =>
        writeArchive(output, parts, onTransfer),
      );
    case 'tar':
      await withStep(parts, 'exporting to client tarball', () => writeTar(output, parts));
      return undefined;
    case 'local':
      await withStep(parts, 'exporting to client directory', () => writeLocal(output, parts));
      return undefined;
  }
}

async function withStep<T>(
  { progress }: Parts,
  name: string,
  work: (onTransfer: OnTransfer) => Promise<T>,
): Promise<T> {
  const step = progress.begin(name);
  try {
    const result = await work((event) => step.transfer(event));
    step.done();
    return result;
  } catch (error) {
    step.failed(error);
    throw error;
  }
}

async function pushAll(
  output: Extract<Output, { type: 'image' }>,
  parts: Parts,
): Promise<Descriptor | undefined> {
  if (output.names.length === 0) throw new UsageError('--push needs a name: give one with --tag');
  const { copy } = await import('../image/index.js');
  const { signal, store, result } = parts;
  let pushed: Descriptor | undefined;
  for (const name of output.names) {
    const { key } = parseReference(name);
    pushed = await withStep(parts, `pushing ${name}`, async (onTransfer) => {
      const source = await compressedStore(output.compression, parts, onTransfer);
      const repository = await parts.openRepository(name);
      const keys = output.push === 'digest' ? [] : [keyText(key)];
      const root = await copy(source, result.root.digest, repository, keys, {
        signal,
        onProgress: onTransfer,
        referrers: parts.attestations.length > 0,
      });
      if (output.store) store.addRepoDigest(result.root.digest, repository.name, root.digest);
      return root;
    });
  }
  return pushed;
}

async function compressedStore(
  { format, isNamed, level, force }: Compression,
  { store, signal }: Parts,
  onProgress: OnTransfer,
  media?: 'oci' | 'docker',
) {
  const { compressed } = await import('../image/index.js');
  return compressed(store, {
    compression: format,
    force,
    onlyIfSmaller: !isNamed,
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
): Promise<Descriptor> {
  const { copy, DockerArchiveWriter, LayoutDirectory, OciArchiveWriter } = await import('../image/index.js');
  const { store, result, signal } = parts;
  const names = output.names.map((name) => formatReference(parseReference(name)));
  const keys = names.length > 0 ? names : [''];
  const source =
    output.type === 'docker' ? store : await compressedStore(output.compression, parts, onTransfer, 'oci');
  const referrers = parts.attestations.length > 0 && holdsReferrers(output);
  const { annotations } = result.root;
  const options = { signal, referrers, onProgress: onTransfer, ...(annotations && { annotations }) };
  if (!output.tar)
    return copy(source, result.root.digest, LayoutDirectory.create(resolve(output.dest)), keys, options);
  await using archive = await openArchive(output.dest, signal);
  const Writer = output.type === 'oci' ? OciArchiveWriter : DockerArchiveWriter;
  const name = `${output.type}-archive:${output.dest}`;
  const target = new Writer({ name, output: archive, temporary: () => store.temporaryDirectory() });
  // One after the other, so that equal images make equal archives. The archive stays open until then.
  return await copy(source, result.root.digest, target, keys, { ...options, jobs: 1 });
}

async function openArchive(dest: string, signal: AbortSignal) {
  const { openOutput } = await import('./archive-place.js');
  return openOutput(dest, signal);
}

type Files = Extract<Output, { type: 'tar' | 'local' }>;

/** Several platforms go into a directory each, unless all are to be in one. */
async function writeTar(output: Files, { images, layers, attestations, signal }: Parts): Promise<void> {
  const { dest } = output;
  await using archive = await openArchive(dest, signal);
  for (const [i, image] of images.entries()) {
    const prefix = images.length === 1 || !output.split ? '' : `${directoryOf(image)}/`;
    for (const { entry, chunks } of resultFiles(await layers.view(image.layers))) {
      const moved = { ...entry, path: `${prefix}${entry.path}` };
      const { linkName } = entry;
      const isLink = entry.type === 'hardlink' && linkName !== undefined;
      await archive.add(isLink ? { ...moved, linkName: `${prefix}${linkName}` } : moved, copies(chunks));
    }
    const mtime = Math.floor(Date.parse(image.config.created ?? '') / 1000) || 0;
    for (const { name, bytes } of filesOf(output, attestations[i])) {
      const owner = { mode: 0o644, uid: 0, gid: 0 };
      await archive.add({ path: `${prefix}${name}`, type: 'file', ...owner, size: bytes.length, mtime }, [
        bytes,
      ]);
    }
  }
  await archive.finish();
}

async function writeLocal(output: Files, { images, layers, attestations, progress }: Parts): Promise<void> {
  const { dest } = output;
  for (const [i, image] of images.entries()) {
    const directory =
      images.length === 1 || !output.split ? resolve(dest) : resolve(dest, directoryOf(image));
    await writeDirectory(await layers.view(image.layers), directory, (path) =>
      progress.warn(`${path} cannot be made here, as it is a device or a pipe: it is left out`),
    );
    for (const { name, bytes } of filesOf(output, attestations[i])) {
      // The image may have made a link of that name.
      rmSync(join(directory, name), { recursive: true, force: true });
      writeFileSync(join(directory, name), bytes, { flag: 'wx' });
    }
  }
}

/** Beside the files of an image. */
function filesOf(
  { prefix }: Files,
  attestations: readonly Attestation[] = [],
): { name: string; bytes: Buffer }[] {
  return attestations.flatMap(({ fileName, statement }) =>
    fileName === undefined
      ? []
      : [{ name: `${prefix}${fileName}`, bytes: Buffer.from(`${JSON.stringify(statement, null, 2)}\n`) }],
  );
}

function directoryOf({ platform }: BuiltImage): string {
  return formatPlatform(platform).replaceAll('/', '_');
}

/** The archive keeps chunks for a while. */
function* copies(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}
