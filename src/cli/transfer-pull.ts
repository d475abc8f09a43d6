import type { Repository } from '../client/index.js';
import { type Pulled, pullImage } from '../image/index.js';
import {
  type Descriptor,
  formatReference,
  isNameOnly,
  parseReference,
  parseTag,
  type Reference,
  shortReference,
} from '../oci/index.js';
import { UsageError } from './failure.js';
import { chosenPlatform, takesReferrers } from './transfer-choices.js';
import type { PlatformFlags, ReferrersFlags } from './transfer-options.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

export type PullFlags = TransferFlags &
  PlatformFlags &
  ReferrersFlags &
  Readonly<{ allTags?: boolean; jobs?: number }>;

/** `berth pull`: images of registries become images of this machine. */
export async function pull(names: readonly string[], flags: PullFlags): Promise<void> {
  await using session = new TransferSession(flags);
  for (const name of names) {
    const reference = parseReference(name);
    if (flags.allTags !== true) session.tellDefaultTag(name);
    const repository = await session.repository(reference);
    const wanted = flags.allTags === true ? await allTags(name, reference, repository) : [reference];
    for (const one of wanted) await pullOne(session, repository, one, flags);
  }
}

async function allTags(name: string, reference: Reference, repository: Repository): Promise<Reference[]> {
  if (!isNameOnly(name)) throw new UsageError('--all-tags takes a name without a tag');
  const tags = await Array.fromAsync(repository.tags());
  return tags.map((tag) => ({ ...reference, key: { tag: parseTag(tag) } }));
}

async function pullOne(
  session: TransferSession,
  repository: Repository,
  reference: Reference,
  flags: PullFlags,
): Promise<void> {
  const { resolved, isPresent } = await fetchImage(session, repository, reference, flags);
  report(session, reference, resolved, { isPresent, quiet: flags.quiet === true });
}

/** Makes an image of a registry one of this machine, and prints no result. */
export async function fetchImage(
  session: TransferSession,
  repository: Repository,
  reference: Reference,
  flags: PullFlags,
): Promise<Pulled> {
  const { signal, progress } = session;
  return pullImage(repository, reference, await session.store(), {
    platform: chosenPlatform(flags, 'host'),
    isPlatformStated: flags.platform !== undefined,
    referrers: takesReferrers(flags, { from: 'docker', to: 'local' }),
    onProgress: progress.onTransfer,
    note: progress.note,
    signal,
    ...(flags.jobs === undefined ? {} : { jobs: flags.jobs }),
  });
}

/** As docker ends a pull. */
function report(
  session: TransferSession,
  reference: Reference,
  { digest }: Descriptor,
  { isPresent, quiet }: { isPresent: boolean; quiet: boolean },
): void {
  if (!quiet) {
    const short = shortReference(reference);
    const status = isPresent ? `Image is up to date for ${short}` : `Downloaded newer image for ${short}`;
    session.print(`Digest: ${digest}\nStatus: ${status}\n`);
  }
  session.print(`${formatReference(reference)}\n`);
}
