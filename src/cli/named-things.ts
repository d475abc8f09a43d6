import { UsageError } from './failure.js';

/** Does something for each name, whatever becomes of the others. @returns what went wrong. */
export async function failuresOf(
  names: readonly string[],
  work: (name: string) => void | Promise<void>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      await work(name);
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** @throws all of them as one. */
export function expectNone(failures: readonly unknown[]): void {
  if (failures.length === 0) return;
  if (failures.length === 1) throw failures[0];
  throw new Error(
    failures.map((error) => (error instanceof Error ? error.message : String(error))).join('; '),
  );
}

/** `key=value` each. As docker: without a value it is empty. */
export function pairsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** Values by key, as the Engine API has filters. @throws {UsageError} */
export function filtersOf(texts: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const filters: Record<string, string[]> = {};
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals < 0) throw new UsageError(`a filter is key=value, not ${JSON.stringify(text)}`);
    // `label!=x` is about the key `label!`.
    const key = text.slice(0, equals);
    filters[key] = [...(filters[key] ?? []), text.slice(equals + 1)];
  }
  return filters;
}
