import { ArchiveImages, choosePlatform, readContent } from '../image/index.js';
import { isNameOnly, keyText, parseReference, type Reference, shortReference } from '../oci/index.js';
import { UsageError } from './failure.js';
import { formatConfig } from './format-config.js';
import type { StoreFlags } from './image-store.js';
import { printable } from './printable.js';
import type { RegistryFlags } from './registry-options.js';
import { parseRegistryPlace } from './registry-place.js';
import { chosenPlatform } from './transfer-choices.js';
import type { PlatformFlags } from './transfer-options.js';
import { openSource, type Place, parsePlace } from './transfer-places.js';
import { TransferSession } from './transfer-session.js';

type Flags = RegistryFlags & StoreFlags & PlatformFlags;

/** Names are those of registries here; other places are written with their transport. */
function placeOf(text: string) {
  const place = parsePlace(text);
  return place.transport === 'local' ? parsePlace(`docker://${text}`) : place;
}

/** `berth digest`: what a name stands for, now and there. */
export async function printDigest(
  name: string,
  flags: Flags & Readonly<{ fullRef?: boolean }>,
): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const place = placeOf(name);
  const { endpoint, key } = await openSource(session, place);
  const platform = chosenPlatform(flags, 'all');
  const { digest } = await choosePlatform(endpoint, await endpoint.resolve(key), { platform });
  const full = flags.fullRef === true && place.transport === 'docker';
  session.print(full ? `${fullName(place.reference)}@${digest}\n` : `${digest}\n`);
}

/**
 * `berth manifest get`: the manifest to the byte; `inspect` makes it easy to read.
 * @param options `place` where the name alone does not say it.
 */
export async function printManifest(
  name: string,
  flags: Flags & Readonly<{ config?: boolean; format?: string }>,
  { pretty, place = placeOf(name) }: Readonly<{ pretty: boolean; place?: Place }>,
): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const { endpoint, key } = await openSource(session, place);
  const platform = chosenPlatform(flags, flags.config === true ? 'host' : 'all');
  const root = await choosePlatform(endpoint, await endpoint.resolve(key), { platform });
  let bytes = await readContent(endpoint, root);
  if (flags.config === true) {
    const { config } = JSON.parse(bytes.toString());
    if (config === undefined) throw new Error(`${name} has no configuration`);
    bytes = await readContent(endpoint, config);
    if (flags.format !== undefined)
      return session.print(`${formatConfig(JSON.parse(bytes.toString()), flags.format)}\n`);
  }
  session.print(pretty ? `${JSON.stringify(JSON.parse(bytes.toString()), null, 4)}\n` : bytes);
}

/** `berth ls`: the tags of a repository. */
export async function listTags(
  name: string,
  flags: ListFlags & Readonly<{ omitDigestTags?: boolean }>,
): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const reference = parseReference(name.replace(/^docker:\/\//, ''));
  const repository = await session.repository(reference);
  const wanted = flags.omitDigestTags === true ? (tag: string) => !DIGEST_TAG.test(tag) : () => true;
  const shown = flags.fullRef === true ? (tag: string) => `${fullName(reference)}:${tag}` : same;
  await printList(session, chosen(repository.tags(), wanted, shown), flags.json === true);
}

/** `berth list-tags`: as skopeo prints them, also those of a docker archive. */
export async function printTagList(name: string, flags: RegistryFlags & StoreFlags): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const place = placeOf(name);
  if (place.transport === 'docker-archive') {
    const { endpoint } = await openSource(session, place);
    const names = endpoint instanceof ArchiveImages ? endpoint.images.flatMap((image) => image.names) : [];
    const Tags = names.map((full) => shortReference(parseReference(full)));
    return session.print(`${JSON.stringify({ Tags }, null, 4)}\n`);
  }
  const reference = parseReference(name.replace(/^docker:\/\//, ''));
  const Tags = await Array.fromAsync((await session.repository(reference)).tags());
  session.print(`${JSON.stringify({ Repository: fullName(reference), Tags }, null, 4)}\n`);
}

/** Of signatures and the like: they stand in for what refers to a manifest. */
const DIGEST_TAG = /^sha(256|512)-[0-9a-f]{32,}/;

type ListFlags = RegistryFlags & Readonly<{ json?: boolean; fullRef?: boolean }>;

function fullName({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

function same(name: string): string {
  return name;
}

async function* chosen(
  names: AsyncIterable<string>,
  wanted: (name: string) => boolean,
  shown: (name: string) => string,
): AsyncGenerator<string> {
  for await (const name of names) if (wanted(name)) yield shown(name);
}

/** `berth catalog`: the repositories of a registry, or of a namespace in it. */
export async function listRepositories(name: string, flags: ListFlags): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const { registry, namespace } = parseRegistryPlace(name);
  const client = await session.client();
  const repositories = client.catalog(registry, namespace === undefined ? {} : { namespace });
  const shown = flags.fullRef === true ? (repository: string) => `${registry}/${repository}` : same;
  await printList(
    session,
    chosen(repositories, () => true, shown),
    flags.json === true,
  );
}

/** `berth delete`: tags and manifests of a registry. */
export async function deleteImages(names: readonly string[], flags: RegistryFlags): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  for (const name of names) {
    const text = name.replace(/^docker:\/\//, '');
    if (isNameOnly(text)) throw new UsageError(`say which tag or digest of ${name} to delete`);
    const reference = parseReference(text);
    const repository = await session.repository(reference);
    await repository.deleteManifest(keyText(reference.key));
    session.print(`Deleted: ${text}\n`);
  }
}

/** Line by line as the pages arrive, unless it is to be one list. */
async function printList(
  session: TransferSession,
  names: AsyncIterable<string>,
  asJson: boolean,
): Promise<void> {
  if (asJson) {
    session.print(`${JSON.stringify(await Array.fromAsync(names))}\n`);
    return;
  }
  for await (const name of names) session.print(`${printable(name)}\n`);
}
