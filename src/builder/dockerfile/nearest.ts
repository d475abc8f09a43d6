/**
 * The candidate that was most likely meant: at most a third of its letters differ, case does not count.
 * @returns undefined when nothing comes close, or when the word is one of them.
 */
export function findNearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  if (wanted.length > MAX_LENGTH) return undefined;
  for (const candidate of candidates) {
    if (candidate === word) return undefined;
    const distance = edits(wanted, candidate.toLowerCase());
    if (distance < fewest && distance < candidate.length) [best, fewest] = [candidate, distance];
  }
  return best;
}

/** ` (did you mean X?)`, or nothing. */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  show = (name: string) => name,
): string {
  const nearest = findNearest(word, candidates);
  return nearest === undefined ? '' : ` (did you mean ${show(nearest)}?)`;
}

/** Longer words are no misspelling of anything. */
const MAX_LENGTH = 64;

/** Insertions, deletions, replacements and swaps of neighbours. */
function edits(a: string, b: string): number {
  const table = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number) => table[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    table.push(current);
    for (let column = 1; column <= b.length; column += 1) {
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1),
        swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
  }
  return at(a.length, b.length);
}
