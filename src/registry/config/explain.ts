import type { z } from 'zod';
import type { Problem } from './notices.js';
import { configSchema } from './schema/config.js';
import { masked } from './secrets.js';
import { describeShape, type Shape, shapeOf } from './shape.js';
import { findTree, originAt, type Tree } from './tree.js';

type Issue = z.core.$ZodIssue;

/** Says what is wrong in terms of the file: key, value, place and what would do. */
export function explain(error: z.core.$ZodError | undefined, root: Tree): Problem[] {
  return (error?.issues ?? []).flatMap((issue) => problemsOf(issue, root, []));
}

function problemsOf(issue: Issue, root: Tree, parent: readonly PropertyKey[]): Problem[] {
  const path = [...parent, ...issue.path].map(String);
  const inner = issue.code === 'invalid_union' ? bestBranch(issue.errors) : undefined;
  if (inner) return inner.flatMap((each) => problemsOf(each, root, path));
  const message = messageOf(issue, path, findTree(root, path));
  return [{ key: path.join('.'), message, origin: originAt(root, path) }];
}

/** Of the forms that a value could have had, the one that fitted down to something inside it. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return branches.find((issues) => issues.length > 0 && issues.every(({ path }) => path.length > 0));
}

function messageOf(issue: Issue, path: readonly string[], tree: Tree | undefined): string {
  if (!tree || (tree.kind === 'scalar' && tree.value === null)) return 'is required';
  if (issue.code === 'too_small' && issue.origin !== 'number') return 'must not be empty';
  return `${expectation(issue, path)}, not ${show(path, tree)}`;
}

function expectation(issue: Issue, path: readonly string[]): string {
  switch (issue.code) {
    case 'custom':
      return issue.message;
    case 'invalid_value':
      return `must be ${[...new Set(issue.values.map(String))].join(', ').replace(/, ([^,]*)$/, ' or $1')}`;
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return 'must be a smaller number';
    default:
      return `must be ${describeShape(shapeAt(path))}`;
  }
}

function shapeAt(path: readonly string[]): Shape {
  let shape = shapeOf(configSchema);
  for (const name of path) {
    const next = shape.keys?.get(name) ?? shape.values ?? shape.items;
    if (!next) break;
    shape = shapeOf(next);
  }
  return shape;
}

function show(path: readonly string[], tree: Tree): string {
  if (tree.kind === 'list') return 'a list';
  return tree.kind === 'map' ? 'a map' : masked(path, JSON.stringify(tree.text));
}
