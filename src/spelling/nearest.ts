/** Longer words are no misspelling of anything. */
const MAX_LENGTH = 64;

/**
 * The candidate that was most likely meant: same letters in another case, a few letters off, or cut short.
 * @returns undefined when nothing comes close, or when the word is one of them.
 */
export function findNearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  if (wanted.length > MAX_LENGTH) return undefined;
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === word) return undefined;
    const distance = distanceBetween(wanted, candidate.toLowerCase());
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

function distanceBetween(a: string, b: string): number {
  const cutShort = Math.min(a.length, b.length) >= 3 && (a.startsWith(b) || b.startsWith(a));
  return Math.min(edits(a, b), cutShort ? 1.5 : Number.POSITIVE_INFINITY);
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
function edits(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + same,
        swapped ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length] ?? 0;
}
