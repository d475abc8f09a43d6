import { humanSize } from './image-units.js';

/** What a prune has done: what is printed of it, and how much space it has made. */
export type Pruned = Readonly<{ text: string; reclaimedBytes: number }>;

/** As docker prints it, with an empty line; nothing of nothing. @param what `Containers`. */
export function deleted(what: string, lines: readonly string[]): string {
  return lines.length > 0 ? `Deleted ${what}:\n${lines.join('\n')}\n\n` : '';
}

/** The last line of a prune. */
export function reclaimed(bytes: number): string {
  return `Total reclaimed space: ${humanSize(bytes)}\n`;
}
