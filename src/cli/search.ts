import { SEARCH_FILTERS, searchImages } from '../engine/index.js';
import { UsageError } from './failure.js';
import { formatRows } from './format-template.js';
import { filtersOf } from './named-things.js';
import { printable } from './printable.js';
import { openRegistryClient } from './registries.js';
import type { SearchFlags } from './search-command.js';

const HEADERS = {
  Name: 'NAME',
  Description: 'DESCRIPTION',
  StarCount: 'STARS',
  IsOfficial: 'OFFICIAL',
  IsAutomated: 'AUTOMATED',
} as const;
const TABLE = 'table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}';
const MAX_DESCRIPTION = 45;

/** `berth search`: docker's columns and fields. */
export async function searchRegistry(term: string, { filter, ...flags }: SearchFlags): Promise<void> {
  const filters = new Map(Object.entries(filtersOf(filter)));
  const unknown = [...filters.keys()].find((key) => !SEARCH_FILTERS.includes(key));
  if (unknown !== undefined)
    throw new UsageError(`no filter ${unknown}; there are ${SEARCH_FILTERS.join(', ')}`);
  await using client = await openRegistryClient(flags);
  const { limit, format = TABLE, trunc = true } = flags;
  const results = await searchImages(client, { term, ...(limit !== undefined && { limit }), filters });
  const rows = results.map(({ name, description, star_count, is_official, is_automated }) => ({
    Name: printable(String(name)),
    Description: shortened(printable(String(description ?? '').replace(/\s+/g, ' ')), trunc),
    StarCount: String(star_count ?? 0),
    IsOfficial: is_official === true ? '[OK]' : '',
    IsAutomated: is_automated === true ? '[OK]' : '',
  }));
  process.stdout.write(formatRows(rows, format === 'table' ? TABLE : format, HEADERS));
}

function shortened(text: string, trunc: boolean): string {
  return trunc && text.length > MAX_DESCRIPTION ? `${text.slice(0, MAX_DESCRIPTION - 1)}…` : text;
}
