import { choosePlatform, readContent } from '../image/index.js';
import { keyText, parseReference } from '../oci/index.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';
import { printable } from './printable.js';
import type { RegistryFlags } from './registry-options.js';
import { parseRegistryPlace } from './registry-place.js';
import { chosenPlatform } from './transfer-choices.js';
import type { PlatformFlags } from './transfer-options.js';
import { openSource, parsePlace } from './transfer-places.js';
import { TransferSession } from './transfer-session.js';

type Flags = RegistryFlags & StoreFlags & PlatformFlags;

/** Names are those of registries here; other places are written with their transport. */
function placeOf(text: string) {
  const place = parsePlace(text);
  return place.transport === 'local' ? parsePlace(`docker://${text}`) : place;
}

/** `berth digest`: what a name stands for, now and there. */
export async function printDigest(name: string, flags: Flags): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const { endpoint, key } = await openSource(session, placeOf(name));
  const platform = chosenPlatform(flags, 'all');
  const { digest } = await choosePlatform(endpoint, await endpoint.resolve(key), { platform });
  session.print(`${digest}\n`);
}

/** `berth manifest get`: the manifest to the byte; `inspect` makes it easy to read. */
export async function printManifest(
  name: string,
  flags: Flags & Readonly<{ config?: boolean }>,
  options: { pretty: boolean },
): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const { endpoint, key } = await openSource(session, placeOf(name));
  const platform = chosenPlatform(flags, flags.config === true ? 'host' : 'all');
  const root = await choosePlatform(endpoint, await endpoint.resolve(key), { platform });
  let bytes = await readContent(endpoint, root);
  if (flags.config === true) {
    const { config } = JSON.parse(bytes.toString());
    if (config === undefined) throw new Error(`${name} has no configuration`);
    bytes = await readContent(endpoint, config);
  }
  session.print(options.pretty ? `${JSON.stringify(JSON.parse(bytes.toString()), null, 4)}\n` : bytes);
}

/** `berth ls`: the tags of a repository. */
export async function listTags(
  name: string,
  flags: RegistryFlags & Readonly<{ json?: boolean }>,
): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const repository = await session.repository(parseReference(name.replace(/^docker:\/\//, '')));
  await printList(session, repository.tags(), flags.json === true);
}

/** `berth catalog`: the repositories of a registry, or of a namespace in it. */
export async function listRepositories(
  name: string,
  flags: RegistryFlags & Readonly<{ json?: boolean }>,
): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  const { registry, namespace } = parseRegistryPlace(name);
  const client = await session.client();
  const repositories = client.catalog(registry, namespace === undefined ? {} : { namespace });
  await printList(session, repositories, flags.json === true);
}

/** `berth delete`: tags and manifests of a registry. */
export async function deleteImages(names: readonly string[], flags: RegistryFlags): Promise<void> {
  await using session = new TransferSession({ ...flags, quiet: true });
  for (const name of names) {
    const text = name.replace(/^docker:\/\//, '');
    if (!/[:@][^/]*$/.test(text)) throw new UsageError(`say which tag or digest of ${name} to delete`);
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
