import { choosePlatform, readContent } from '../image/index.js';
import { keyText, parseImageConfig, parseManifest } from '../oci/index.js';
import { Template, unescaped } from './format-template.js';
import type { RegistryFlags } from './registry-options.js';
import { chosenPlatform } from './transfer-choices.js';
import type { PlatformFlags } from './transfer-options.js';
import { openSource, type Place, parsePlace } from './transfer-places.js';
import { printManifest } from './transfer-registry.js';
import { type TransferFlags, TransferSession } from './transfer-session.js';

export type InspectElsewhereFlags = TransferFlags &
  RegistryFlags &
  PlatformFlags &
  Readonly<{ format?: string; raw?: boolean; config?: boolean; tags?: boolean }>;

/** Whether a name has a transport: it is not one of this machine then. */
export function isElsewhere(name: string): boolean {
  return name.startsWith('docker://') || /^(oci|oci-archive|docker-archive):/.test(name);
}

/** `berth inspect docker://…`: what skopeo tells of an image, without getting it. */
export async function inspectElsewhere(name: string, flags: InspectElsewhereFlags): Promise<void> {
  const place: Place = isElsewhere(name) ? parsePlace(name) : { transport: 'local', name };
  if (flags.raw === true || flags.config === true)
    return printManifest(name, flags, { pretty: flags.config === true && flags.raw !== true, place });
  await using session = new TransferSession({ ...flags, quiet: true });
  const { endpoint, key } = await openSource(session, place);
  const named = await endpoint.resolve(key);
  const root = await choosePlatform(endpoint, named, { platform: chosenPlatform(flags, 'host') });
  const { config, layers } = parseManifest(await readContent(endpoint, root), root.mediaType);
  if (config === undefined) throw new Error(`${name} has no configuration: it is no image`);
  const image = parseImageConfig(await readContent(endpoint, config));
  const told = {
    ...(place.transport === 'docker' && { Name: nameOf(place) }),
    Digest: named.digest,
    RepoTags: place.transport === 'docker' && flags.tags !== false ? await tagsOf(session, place) : [],
    Created: image.created ?? null,
    DockerVersion: '',
    Labels: image.config?.Labels ?? null,
    Architecture: image.architecture,
    Os: image.os,
    Layers: layers.map(({ digest }) => digest),
    LayersData: layers.map(({ mediaType, digest, size }) => ({
      MIMEType: mediaType,
      Digest: digest,
      Size: size,
      Annotations: null,
    })),
    Env: image.config?.Env ?? null,
  };
  session.print(`${written(told, flags.format)}\n`);
}

type RegistryPlace = Extract<Place, { transport: 'docker' }>;

function nameOf({ reference: { registry, repository } }: RegistryPlace): string {
  return `${registry}/${repository}`;
}

/** None where the registry does not list them to whoever asks. */
async function tagsOf(session: TransferSession, { reference }: RegistryPlace): Promise<string[]> {
  const repository = await session.repository(reference, 'src');
  const own = 'tag' in reference.key ? [keyText(reference.key)] : [];
  return Array.fromAsync(repository.tags({ signal: session.signal })).catch(() => own);
}

function written(told: object, format: string | undefined): string {
  if (format === undefined) return JSON.stringify(told, null, 4);
  return format === 'json' ? JSON.stringify(told) : new Template(unescaped(format)).render(told);
}
