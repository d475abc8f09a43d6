import type { z } from 'zod';
import { findNearest } from '../../spelling/index.js';
import type { Notice, Origin, Problem } from './notices.js';
import { configSchema } from './schema/config.js';
import { type Shape, shapeOf } from './shape.js';
import { expandName } from './spellings.js';
import { type ListTree, type MapTree, parseTree, type Tree } from './tree.js';

type Schema = z.core.$ZodType;

const PREFIX = 'REGISTRY';
/** Says where the file is, and sets nothing in it. */
const NOT_AN_OVERRIDE = 'REGISTRY_CONFIGURATION_PATH';
/** What Kubernetes sets in every container beside a service called "registry", as NAME=value. */
const SERVICE_LINK =
  /^\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?|PORT(?==\w+:\/\/))=/;

/** Where the reference's variables are called after its source code instead of the key in the file. */
const OTHER_NAMES = new Map([
  ['notifications.events', 'EVENTCONFIG'],
  ['health.file', 'FILECHECKERS'],
  ['health.http', 'HTTPCHECKERS'],
  ['health.tcp', 'TCPCHECKERS'],
  ['log.hooks.*.options', 'MAILOPTIONS'],
  ['compatibility.schema1.signingkeyfile', 'TRUSTKEY'],
]);

/**
 * Writes the `REGISTRY_*` variables into the tree, in the order of their names, so that REGISTRY_STORAGE replaces the
 * section before REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY refines it. Values are YAML.
 */
export function applyEnvironment(
  root: MapTree,
  env: NodeJS.ProcessEnv,
): { problems: Problem[]; notices: Notice[] } {
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  for (const name of Object.keys(env).sort()) {
    const value = env[name];
    if (value === undefined || !name.startsWith(`${PREFIX}_`) || name === NOT_AN_OVERRIDE) continue;
    const variable: Variable = { name, value, origin: { from: 'environment', name } };
    try {
      graft(root, configSchema, name.split('_').slice(1), [], variable);
    } catch (error) {
      if (error instanceof Refused)
        problems.push({ key: error.key, message: error.message, origin: variable.origin });
      else if (error instanceof Ignored) notices.push(noticeOf(error, variable));
      else throw error;
    }
  }
  return { problems, notices };
}

type Variable = Readonly<{ name: string; value: string; origin: Origin }>;

/** The variable is wrong enough to stop the start, as in the reference. */
class Refused extends Error {
  readonly key: string;
  constructor(key: string, message: string) {
    super(message);
    this.key = key;
  }
}

/** The variable sets nothing. */
class Ignored extends Error {}

function noticeOf({ message }: Ignored, { name, value, origin }: Variable): Notice {
  if (SERVICE_LINK.test(`${name}=${value}`)) {
    return { level: 'info', key: name, message: 'looks like a service link of Kubernetes; ignored', origin };
  }
  return { level: 'warn', key: name, message, origin };
}

/** The tree with the variable's value at the place that `names` lead to, from `path` on. */
function graft(
  tree: Tree | undefined,
  schema: Schema,
  names: readonly string[],
  path: readonly string[],
  variable: Variable,
): Tree {
  const [name, ...rest] = names;
  const shape = shapeOf(schema);
  if (name === undefined) return read(variable, shape, path);
  const parent = shape.keys && shape.scalars.has('string') && tree ? expandName(tree) : tree;
  if (shape.items || (shape.anything && parent?.kind === 'list')) {
    return graftIntoList(parent, shape.items ?? schema, [name, ...rest], path, variable);
  }
  if (!shape.keys && !shape.values && !shape.anything)
    throw new Ignored(`${path.join('.')} is a single value; ignored`);
  const map = mapFrom(parent, variable);
  const key = shape.keys ? keyFor(name, shape, path, variable) : freeKey(name, map, path);
  if (path.length === 0 && key === 'version') throw new Ignored('version cannot be overridden; ignored');
  const inner = shape.keys?.get(key) ?? shape.values ?? schema;
  map.entries.set(key, graft(map.entries.get(key), inner, rest, [...path, key], variable));
  return map;
}

function graftIntoList(
  tree: Tree | undefined,
  schema: Schema,
  [name = '', ...rest]: readonly string[],
  path: readonly string[],
  variable: Variable,
): Tree {
  const list: ListTree = tree?.kind === 'list' ? tree : { kind: 'list', origin: variable.origin, items: [] };
  const key = path.join('.');
  if (!/^\d{1,9}$/.test(name))
    throw new Refused(key, `${variable.name} must have a number after ${nameOf(path)}`);
  const index = Number(name);
  if (index > list.items.length) {
    throw new Refused(key, `${variable.name} skips entries: the next one is number ${list.items.length}`);
  }
  list.items[index] = graft(list.items[index], schema, rest, [...path, name], variable);
  return list;
}

function mapFrom(tree: Tree | undefined, { origin }: Variable): MapTree {
  if (tree?.kind === 'map') return tree;
  return { kind: 'map', origin, entries: new Map() };
}

/** The key of a section that a part of the variable's name means. */
function keyFor(name: string, { keys, loose }: Shape, path: readonly string[], variable: Variable): string {
  const names = new Map<string, string>();
  for (const key of keys?.keys() ?? []) {
    names.set(key.toUpperCase(), key);
    const other = OTHER_NAMES.get([...path.map((each) => (/^\d+$/.test(each) ? '*' : each)), key].join('.'));
    if (other) names.set(other, key);
  }
  const key = names.get(name);
  if (key !== undefined) return key;
  if (loose) return name.toLowerCase();
  const nearest = findNearest(name, names.keys());
  const rest = variable.name.split('_').slice(path.length + 2);
  const meant = nearest && [nameOf(path), nearest, ...rest].join('_');
  throw new Ignored(`unknown variable${meant ? `, did you mean ${meant}?` : ', ignored'}`);
}

/** Free keys are found in any case; new ones become lower case, but a header keeps its spelling. */
function freeKey(name: string, map: MapTree, path: readonly string[]): string {
  const wanted = name.toLowerCase();
  for (const key of map.entries.keys()) if (key.toLowerCase() === wanted) return key;
  return path.at(-1) === 'headers' ? name : wanted;
}

function nameOf(path: readonly string[]): string {
  return [PREFIX, ...path.map((part) => part.toUpperCase())].join('_');
}

function read({ name, value, origin }: Variable, shape: Shape, path: readonly string[]): Tree {
  const { root, problems } = parseTree(value, () => origin);
  const wantsText = shape.scalars.has('string') && !shape.items && !shape.keys && !shape.values;
  // An address such as [::1]:5000 is not YAML, but it can only mean itself.
  if (wantsText && (problems.length > 0 || root.kind !== 'scalar')) {
    return { kind: 'scalar', origin, value, text: value };
  }
  const [problem] = problems;
  if (problem) throw new Refused(path.join('.'), `the value of ${name} is not YAML: ${problem.message}`);
  return root;
}
