import {
  type ImageFilter,
  type ImageRecord,
  imageSize,
  type ListedImage,
  type LocalStore,
  listImages as listStored,
  parseImageFilters,
  shortRepository,
} from '../image/index.js';
import { UsageError } from './failure.js';
import { formatRows } from './format-template.js';
import { openLocalStore, type StoreFlags } from './image-store.js';
import { ago, goTime, humanSize } from './image-units.js';

export type ListFlags = StoreFlags &
  Readonly<{
    quiet?: boolean;
    digests?: boolean;
    trunc?: boolean;
    filter?: readonly string[];
    format?: string;
    tree?: boolean;
  }>;

const HEADERS = {
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  ID: 'IMAGE ID',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
  VirtualSize: 'VIRTUAL SIZE',
  Containers: 'CONTAINERS',
} as const;

export type ImageRow = Readonly<Record<keyof typeof HEADERS, string>>;

const NONE = '<none>';

/** `berth images`: docker's columns and fields. */
export async function listImages(pattern: string | undefined, flags: ListFlags): Promise<void> {
  if (flags.tree === true)
    throw new UsageError('there is no --tree here: berth manifest inspect shows the platforms of an index');
  using store = await openLocalStore(flags);
  const filters = parseImageFilters([
    ...(flags.filter ?? []),
    ...(pattern === undefined ? [] : [`reference=${pattern}`]),
  ]);
  const images = listStored(store);
  const shown = images.flatMap((image) =>
    rowsOf(
      store,
      image,
      filters.map((filter) => filter(images)),
      flags,
    ),
  );
  if (flags.quiet === true) {
    const ids = new Set(shown.map(({ ID }) => ID));
    process.stdout.write([...ids].map((id) => `${id}\n`).join(''));
    return;
  }
  process.stdout.write(
    formatRows(
      shown,
      flags.format === undefined || flags.format === 'table' ? tableFormat(flags) : flags.format,
      HEADERS,
    ),
  );
}

function rowsOf(
  store: LocalStore,
  listed: ListedImage,
  filters: readonly ReturnType<ImageFilter>[],
  flags: ListFlags,
): ImageRow[] {
  const { record, image } = listed;
  const names = record.names.length > 0 ? record.names : [undefined];
  const size = humanSize(
    image === undefined ? record.descriptor.size : imageSize(store, image.manifest.layers),
  );
  const created = image?.config.created;
  return names
    .filter((name) => filters.every((accepts) => accepts(listed, name)))
    .flatMap((name) => digestsOf(record, name, flags).map((digest) => ({ name, digest })))
    .map(({ name, digest }) => ({
      Containers: 'N/A',
      CreatedAt: goTime(created),
      CreatedSince: ago(created, Date.now()),
      Digest: digest,
      ID: shownId(record.id, flags),
      Repository: name === undefined ? repositoryOf(record) : shortRepository(name),
      SharedSize: 'N/A',
      Size: size,
      Tag: name === undefined ? NONE : name.slice(name.lastIndexOf(':') + 1),
      UniqueSize: 'N/A',
      VirtualSize: size,
    }));
}

/** One of the repository; a row for each where they are shown. */
function digestsOf(
  { repoDigests }: ImageRecord,
  name: string | undefined,
  { digests, format }: ListFlags,
): string[] {
  const repository = name?.replace(/:[^:/]*$/, '');
  const own = repoDigests
    .filter((text) => repository === undefined || text.startsWith(`${repository}@`))
    .map((text) => text.slice(text.indexOf('@') + 1));
  if (own.length === 0) return [NONE];
  return digests === true && format === undefined ? own : own.slice(0, 1);
}

/** Of an image that was pulled by digest. */
function repositoryOf({ repoDigests }: ImageRecord): string {
  const [first] = repoDigests;
  return first === undefined ? NONE : shortRepository(first);
}

/** As docker cuts ids, or whole. */
export function shownId(id: string, { trunc = true }: Readonly<{ trunc?: boolean }>): string {
  return trunc ? id.slice(id.indexOf(':') + 1).slice(0, 12) : id;
}

function tableFormat({ digests }: ListFlags): string {
  const digest = digests === true ? '\t{{.Digest}}' : '';
  return `table {{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`;
}
