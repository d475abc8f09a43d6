import { imageHistory, inspectImage } from '../image/index.js';
import { formatRows, Template, unescaped } from './format-template.js';
import { shownId } from './image-list.js';
import { openLocalStore, type StoreFlags } from './image-store.js';
import { ago, humanSize, rfc3339 } from './image-units.js';
import type { InspectElsewhereFlags } from './inspect-elsewhere.js';
import { printable } from './printable.js';
import { chosenPlatform } from './transfer-choices.js';
import type { PlatformFlags } from './transfer-options.js';

export type InspectFlags = InspectElsewhereFlags & Readonly<{ type?: Kind; size?: boolean }>;

/** In the order in which docker looks for a name. */
const KINDS = ['container', 'image', 'network', 'volume'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * `berth inspect`: docker's JSON. What is not there is told of at the end, as docker does.
 * @param kinds what a name may be of, in this order.
 */
export async function inspect(
  all: readonly string[],
  flags: InspectFlags,
  kinds: readonly Kind[] = flags.type === undefined ? KINDS : [flags.type],
): Promise<void> {
  if (!kinds.includes('image')) {
    await show(all, flags, (name) => findOther(name, flags, kinds));
    return;
  }
  const { inspectElsewhere, isElsewhere } = await import('./inspect-elsewhere.js');
  using store = await openLocalStore(flags);
  // An image may be called as a transport is.
  const elsewhere = all.filter((name) => isElsewhere(name) && store.find(name) === undefined);
  for (const name of elsewhere) await inspectElsewhere(name, flags);
  const names = all.filter((name) => !elsewhere.includes(name));
  if (names.length === 0) return;
  if (flags.raw === true || flags.config === true) {
    for (const name of names) await inspectElsewhere(name, flags);
    return;
  }
  await show(names, flags, async (name) => {
    if (kinds.length === 1) return inspectImage(store, store.get(name), platformOf(flags));
    const container = await findOther(name, flags, ['container']);
    if (container !== undefined) return container;
    const image = store.find(name);
    if (image !== undefined) return inspectImage(store, image, platformOf(flags));
    const found = await findOther(name, flags, ['network', 'volume']);
    if (found === undefined) throw new Error(`No such object: ${name}`);
    return found;
  });
}

/** What is no image; nothing is opened where there never was anything. */
async function findOther(
  name: string,
  flags: InspectFlags,
  kinds: readonly Kind[],
): Promise<object | undefined> {
  const { findContainerJson, findNetworkJson, findVolumeJson } = await import('./container-show.js');
  const finders = { container: findContainerJson, network: findNetworkJson, volume: findVolumeJson };
  for (const kind of kinds) {
    const found = kind === 'image' ? undefined : await finders[kind](name, flags);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function show(
  names: readonly string[],
  flags: InspectFlags,
  find: (name: string) => Promise<object | undefined>,
): Promise<void> {
  const found: object[] = [];
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const one = await find(name);
      if (one === undefined) throw new Error(`No such ${flags.type ?? 'container'}: ${name}`);
      found.push(one);
    } catch (error) {
      failures.push(error);
    }
  }
  process.stdout.write(formatted(found, flags.format));
  if (failures.length > 0)
    throw failures.length === 1 ? failures[0] : new Error(failures.map(messageOf).join('; '));
}

function platformOf(flags: PlatformFlags) {
  const platform = flags.platform === undefined ? 'all' : chosenPlatform(flags, 'host');
  return platform === 'all' ? undefined : platform;
}

function formatted(found: readonly object[], format: string | undefined): string {
  if (format === undefined) return `${JSON.stringify(found, null, 4)}\n`;
  if (format === 'json') return `${JSON.stringify(found)}\n`;
  const template = new Template(unescaped(format));
  return found.map((one) => `${template.render(one)}\n`).join('');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export type HistoryFlags = StoreFlags &
  PlatformFlags &
  Readonly<{ human?: boolean; trunc?: boolean; quiet?: boolean; format?: string }>;

const HEADERS = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};
const MAX_CREATED_BY = 45;

/** `berth history`: docker's columns and fields. */
export async function showHistory(name: string, flags: HistoryFlags): Promise<void> {
  const { human = true, trunc = true, quiet = false } = flags;
  using store = await openLocalStore(flags);
  const shown = flags.format === 'json' ? (text: string) => text : printable;
  const rows = imageHistory(store, store.get(name), platformOf(flags)).map((entry) => ({
    ID: entry.id === undefined ? '<missing>' : shownId(entry.id, { trunc }),
    CreatedAt: rfc3339(entry.created),
    CreatedSince: ago(entry.created, Date.now()),
    CreatedBy: shown(trunc ? shortened(entry.createdBy) : entry.createdBy),
    Size: human ? humanSize(entry.size) : String(entry.size),
    Comment: shown(entry.comment),
  }));
  if (quiet) {
    process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
    return;
  }
  const created = human ? '{{.CreatedSince}}' : '{{.CreatedAt}}';
  const table = `table {{.ID}}\t${created}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`;
  process.stdout.write(
    formatRows(rows, flags.format === undefined || flags.format === 'table' ? table : flags.format, HEADERS),
  );
}

/** On one line, and not too long for a terminal. */
function shortened(text: string): string {
  const line = text.replace(/[\t\n]/g, ' ');
  return line.length > MAX_CREATED_BY ? `${line.slice(0, MAX_CREATED_BY - 1)}…` : line;
}
