import { writeFile } from 'node:fs/promises';
import type { ImageEndpoint } from '../content/index.js';
import { compressed, copy, RewrittenImages } from '../image/index.js';
import {
  type Descriptor,
  type Digest,
  formatReference,
  type Platform,
  parseReference,
} from '../oci/index.js';
import { UsageError } from './failure.js';
import { chosenPlatform, compressionOptions, takesReferrers } from './transfer-choices.js';
import type { CompressionFlags, PlatformFlags, ReferrersFlags } from './transfer-options.js';
import { openSource, openTarget, type Place, parsePlace, type Source } from './transfer-places.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

export type CopyFlags = TransferFlags &
  PlatformFlags &
  CompressionFlags &
  ReferrersFlags &
  Readonly<{
    digestFile?: string;
    jobs?: number;
    preserveDigests?: boolean;
    multiArch?: 'system' | 'all';
    additionalTag?: readonly string[];
  }>;

/** `berth copy`: from anywhere to anywhere. */
export async function copyImage(from: string, to: string, flags: CopyFlags): Promise<void> {
  await using session = new TransferSession(flags);
  const [fromPlace, toPlace] = [parsePlace(from), parsePlace(to)];
  const more = additionalKeys(toPlace, flags);
  const source = await openSource(session, fromPlace);
  const { endpoint, keys } = await openTarget(session, toPlace, source.name);
  const holdsOne = toPlace.transport === 'docker-archive' || toPlace.transport === 'local';
  const platform = chosenPlatform(
    flags.multiArch === 'all' ? { ...flags, allPlatforms: true } : flags,
    holdsOne || flags.multiArch === 'system' ? 'host' : 'all',
  );
  const shape = { from: fromPlace, to: toPlace, platform };
  if (flags.preserveDigests === true) checkSameDigests(shape, flags);
  const referrers = takesReferrers(flags, { from: fromPlace.transport, to: toPlace.transport });
  const { images, key, passing = [] } = await inForm(session, source, shape, { ...flags, referrers });
  const mountFrom = mountSource(fromPlace, toPlace);
  const root = await copy(images, key, endpoint, [...keys, ...more], {
    platform,
    signal: session.signal,
    onProgress: session.progress.onTransfer,
    ...(mountFrom === undefined ? {} : { mountFrom: () => mountFrom }),
    ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
    referrers,
  });
  await noteOrigin(session, shape, root);
  if (passing.length > 0) (await session.store()).discard(passing);
  if (flags.digestFile !== undefined) await writeFile(flags.digestFile, root.digest);
  session.print(`${root.digest}\n`);
}

/** As skopeo takes them. @throws {UsageError} the target has no such names. */
function additionalKeys({ transport }: Place, { additionalTag = [] }: CopyFlags): string[] {
  if (additionalTag.length > 0 && transport !== 'docker-archive' && transport !== 'local')
    throw new UsageError('--additional-tag is for docker archives and images of this machine');
  return additionalTag.map((name) => formatReference(parseReference(name)));
}

type Shape = Readonly<{ from: Place; to: Place; platform: Platform | 'all' }>;
type Presented = Readonly<{
  images: ImageEndpoint;
  key: string | Descriptor;
  /** What was put into the store for the copy only. */
  passing?: readonly Digest[];
}>;

/** @throws {UsageError} what is asked for makes another image of it. */
function checkSameDigests(shape: Shape, { compression, format }: CopyFlags): void {
  const { from, to } = shape;
  const change =
    (compression !== undefined && '--compression') ||
    (format !== undefined && '--format') ||
    (needsCompression(shape) && `compressing layers from ${from.transport} for ${to.transport}`) ||
    (to.transport === 'docker-archive' && from.transport !== to.transport && 'the form of a docker archive');
  if (change) throw new UsageError(`--preserve-digests: ${change} changes digests`);
}

/** The images in the form that was asked for, or that the target needs. */
async function inForm(
  session: TransferSession,
  source: Source,
  shape: Shape,
  flags: CopyFlags,
): Promise<Presented> {
  const { endpoint, key } = source;
  const { platform } = shape;
  if (flags.compression !== undefined || needsCompression(shape))
    return packed(session, source, shape, flags);
  if (flags.format === undefined) return { images: endpoint, key };
  const { format } = flags;
  return { images: new RewrittenImages(endpoint, { format, platform, signal: session.signal }), key };
}

/** Layers of this machine and of docker archives are not compressed; elsewhere they are expected to be. */
function needsCompression({ from, to }: Shape): boolean {
  const isPlain = from.transport === 'local' || from.transport === 'docker-archive';
  return isPlain && to.transport !== 'local' && to.transport !== 'docker-archive';
}

/** Layers are compressed in the store, so what is not there goes there first; nothing is named. */
async function packed(
  session: TransferSession,
  source: Source,
  shape: Shape,
  flags: CopyFlags,
): Promise<Presented> {
  const store = await session.store();
  const { signal } = session;
  const onProgress = session.progress.onTransfer;
  const { platform } = shape;
  const images = compressed(store, { ...compressionOptions(flags), platform, onProgress, signal });
  if (shape.from.transport === 'local') return { images, key: source.key };
  const root = await copy(source.endpoint, source.key, store, [], {
    platform,
    onProgress,
    signal,
    referrers: flags.referrers === true,
  });
  return { images, key: await images.present(root), passing: [root.digest] };
}

function mountSource(from: Place, to: Place): string | undefined {
  if (from.transport !== 'docker' || to.transport !== 'docker') return undefined;
  const { registry, repository } = from.reference;
  return registry === to.reference.registry && repository !== to.reference.repository
    ? repository
    : undefined;
}

/** As after a pull: what the registry calls it. */
async function noteOrigin(session: TransferSession, { from, to }: Shape, root: Descriptor): Promise<void> {
  if (from.transport !== 'docker' || to.transport !== 'local') return;
  const { registry, repository } = from.reference;
  (await session.store()).addRepoDigest(root.digest, `${registry}/${repository}`, root.digest);
}
