import { EngineError } from './errors.js';

/** Whether a flag is set: as docker reads them, anything but nothing, 0, no, false and none is yes. */
export function isSet(query: URLSearchParams, key: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(key) ?? '').trim().toLowerCase());
}

/** A value that says something, or nothing. */
export function textOf(query: URLSearchParams, key: string): string | undefined {
  return query.get(key) || undefined;
}

/** @throws {EngineError} 400 */
export function numberOf(query: URLSearchParams, key: string): number | undefined {
  const text = textOf(query, key);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value))
    throw new EngineError(400, `${key} must be a number, not ${JSON.stringify(text)}`);
  return value;
}

/** `{"name":"value"}` @throws {EngineError} 400 */
export function pairsOf(query: URLSearchParams, key: string): Map<string, string | undefined> {
  const value = jsonOf(query, key) ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new EngineError(400, `${key} must be a JSON object`);
  return new Map(
    Object.entries(value as Record<string, unknown>).map(([name, each]) => [
      name,
      each === null || each === undefined ? undefined : String(each),
    ]),
  );
}

/** `undefined` where there is nothing, or null. @throws {EngineError} 400 */
export function jsonOf(query: URLSearchParams, key: string): unknown {
  const text = textOf(query, key);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) ?? undefined;
  } catch (error) {
    throw new EngineError(400, `${key} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * `filters`: `{"label":{"a=b":true}}`, or `{"label":["a=b"]}` as older clients send it.
 * @param known keys that mean something here. @throws {EngineError} 400
 */
export function filtersOf(query: URLSearchParams, known: readonly string[]): Map<string, readonly string[]> {
  const given = jsonOf(query, 'filters') ?? {};
  if (typeof given !== 'object' || Array.isArray(given))
    throw new EngineError(400, 'filters must be a JSON object');
  const filters = new Map<string, readonly string[]>();
  for (const [key, values] of Object.entries(given as Record<string, unknown>)) {
    if (!known.includes(key))
      throw new EngineError(400, `invalid filter '${key}': there are ${known.join(', ')}`);
    filters.set(key, valuesOf(values));
  }
  return filters;
}

function valuesOf(values: unknown): string[] {
  if (Array.isArray(values)) return values.map(String);
  if (typeof values !== 'object' || values === null) return [];
  return Object.entries(values)
    .filter(([, isWanted]) => isWanted === true)
    .map(([value]) => value);
}
