import { collect } from './repeated-option.js';

type FilterOption = [flags: string, description: string, collect: typeof collect, none: string[]];

/** What a list is narrowed by. @param filters their names, as the help has them. */
export function filterOption(filters: string): FilterOption {
  return ['-f, --filter <filter>', filters, collect, []];
}

/** What a removal is narrowed by, where `-f` is for not being asked. */
export function pruneFilterOption(filters: string): FilterOption {
  return ['--filter <filter>', filters, collect, []];
}

/** How rows are printed. @param template an example. */
export function rowsFormat(template: string): [flags: string, description: string] {
  return ['--format <format>', `json, table, or a template: ${template}`];
}

/** How single things are printed. @param template an example. */
export function thingFormat(template: string): [flags: string, description: string] {
  return ['-f, --format <format>', `json, or a template: ${template}`];
}
