import type { z } from 'zod';
import type { Notice, Problem } from './notices.js';
import { type Config, configSchema } from './schema/config.js';

type Path = readonly string[];

/** What is sound of a configuration, so that more can be said of it than that single values are wrong. */
export type Remainder = Readonly<{
  config: Config;
  /** Keys that are as if they were not written. */
  missing: readonly string[];
}>;

/** How often what surrounds a value is given up, as it is nothing without that value. */
const MOST_ROUNDS = 4;

/** @param error why the values are no configuration. @returns `undefined` when nothing is left. */
export function remainderOf(values: unknown, error: z.core.$ZodError): Remainder | undefined {
  const rest = structuredClone(values);
  const missing: string[] = [];
  let issues = error.issues;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    for (const { path } of issues) {
      const removed = removeAt(rest, path.map(String));
      if (removed.length === 0) return undefined;
      missing.push(removed.join('.'));
    }
    const parsed = configSchema.safeParse(rest, { jitless: true });
    if (parsed.success) return { config: parsed.data, missing };
    issues = parsed.error.issues;
  }
  return undefined;
}

/** Whether the one is a part of the other, or the same. */
export function isAbout(key: string, other: string): boolean {
  return `${key}.`.startsWith(`${other}.`) || `${other}.`.startsWith(`${key}.`);
}

/** Whether it is said of a key, or because of it, or of a part of it. */
export function tellsOf({ key, message }: Notice | Problem, other: string): boolean {
  const named = message.match(/\b[a-z]+(\.[a-z0-9]+)+/g) ?? [];
  return [key, ...named].some((each) => isAbout(each, other));
}

/** Removes what is there, or else what should have had it; of a list all of it, as its other places would change. */
function removeAt(values: unknown, path: Path): Path {
  let holder = values as Record<string, unknown>;
  for (const [i, step] of path.entries()) {
    const inner = holder[step];
    const isLast = i === path.length - 1;
    if (isLast || typeof inner !== 'object' || inner === null || Array.isArray(inner)) {
      if (inner === undefined) return removeAt(values, path.slice(0, i));
      delete holder[step];
      return path.slice(0, i + 1);
    }
    holder = inner as Record<string, unknown>;
  }
  return [];
}
