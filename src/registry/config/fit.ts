import type { z } from 'zod';
import { findNearest } from '../../spelling/index.js';
import type { Notice, Problem } from './notices.js';
import { type Shape, shapeOf } from './shape.js';
import { type MapTree, plainOf, type ScalarTree, type Tree } from './tree.js';

/**
 * Turns the tree into plain values of the types that the schema wants there, so that `password: 0123` stays text and
 * `enabled: yes` becomes true. Unknown keys are left out and told about.
 */
export class Fitter {
  readonly notices: Notice[] = [];
  readonly problems: Problem[] = [];

  fit(tree: Tree, schema: z.core.$ZodType, path: readonly string[] = []): unknown {
    const shape = shapeOf(schema);
    if (shape.anything) return plainOf(tree);
    if (tree.kind === 'scalar') return fitScalar(tree, shape);
    if (tree.kind === 'map') return this.#fitMap(tree, shape, path);
    const { items } = shape;
    if (!items) return plainOf(tree);
    return tree.items.map((item, index) => this.fit(item, items, [...path, String(index)]) ?? '');
  }

  #fitMap(tree: MapTree, shape: Shape, path: readonly string[]): unknown {
    if (!shape.keys && !shape.values) return plainOf(tree);
    const fitted: [string, unknown][] = [];
    for (const [key, value] of tree.entries) {
      const schema = shape.keys?.get(key) ?? shape.values;
      const place = [...path, key];
      if (schema) fitted.push([key, this.fit(value, schema, place)]);
      else if (shape.loose) fitted.push([key, plainOf(value)]);
      else this.#unknown(value, place, shape.keys?.keys() ?? []);
    }
    return Object.fromEntries(fitted.filter(([, value]) => value !== undefined));
  }

  #unknown(value: Tree, path: readonly string[], known: Iterable<string>): void {
    const nearest = findNearest(path.at(-1) ?? '', known);
    const meant = nearest && `, did you mean ${[...path.slice(0, -1), nearest].join('.')}?`;
    const key = path.join('.');
    if (stopsStart(path)) {
      this.problems.push({ key, message: `unknown key${meant ?? ''}`, origin: value.origin });
    } else {
      const message = `unknown key${meant ?? ', ignored'}`;
      this.notices.push({ level: 'warn', key, message, origin: value.origin });
    }
  }
}

/** The reference ignores unknown keys, except where they name a driver or a scheme that it lacks. */
function stopsStart([section, ...rest]: readonly string[]): boolean {
  return section === 'berth' || ((section === 'storage' || section === 'auth') && rest.length === 1);
}

/** Words for true and false in YAML 1.1, which the reference reads. */
const BOOLEANS = new Map([
  ...['y', 'yes', 'on', 'true'].map((word) => [word, true] as const),
  ...['n', 'no', 'off', 'false'].map((word) => [word, false] as const),
]);

/** @returns undefined for "not set", which is what an empty value means. */
function fitScalar({ value, text }: ScalarTree, { scalars, keys, values }: Shape): unknown {
  if (value === null) return keys || values ? {} : undefined;
  if (scalars.has('boolean')) return BOOLEANS.get(text.toLowerCase()) ?? value;
  if (!scalars.has('string'))
    return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  return scalars.has('number') && Number.isInteger(value) ? value : text;
}
