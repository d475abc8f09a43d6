import { readFile } from 'node:fs/promises';
import type { Result } from './results.ts';

/** What is known of one registry: requirement ids with a short reason each. Everything else is to pass. */
export type Expectation = Readonly<{
  registry: string;
  failures: Readonly<Record<string, string>>;
  /** Opting out is pinned too: a requirement that starts to be skipped would otherwise go unnoticed. */
  skips: Readonly<Record<string, string>>;
}>;

/** @throws {Error} not readable, or not of the shape. */
export async function readExpectation(file: string): Promise<Expectation> {
  const content: unknown = JSON.parse(await readFile(file, 'utf8'));
  const { failures, skips } = content as Partial<Expectation>;
  if (typeof failures !== 'object' || typeof skips !== 'object')
    throw new Error(`${file}: wants "failures" and "skips"`);
  return content as Expectation;
}

/** @param complete whether every requirement ran. @returns a line for each difference; `[]` when all is as known. */
export function surprises(
  results: readonly Result[],
  known: Expectation,
  { complete }: { complete: boolean },
): string[] {
  const wrong = results.flatMap(({ id, status, message }) => {
    const wanted = wantedStatus(id, known);
    return status === wanted
      ? []
      : [`${id}: want ${wanted}, got ${status}${message === '' ? '' : `: ${message}`}`];
  });
  const seen = new Set(results.map(({ id }) => id));
  const listed = [...Object.keys(known.failures), ...Object.keys(known.skips)];
  const unknown = complete
    ? listed.filter((id) => !seen.has(id)).map((id) => `${id}: listed, but no requirement`)
    : [];
  return [...wrong, ...unknown];
}

function wantedStatus(id: string, known: Expectation): Result['status'] {
  if (id in known.failures) return 'fail';
  return id in known.skips ? 'skip' : 'pass';
}
