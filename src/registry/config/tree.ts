import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar } from 'yaml';
import type { Notice, Origin, Problem } from './notices.js';

/** YAML as written, each part knowing where it came from. The environment's values are grafted into it. */
export type Tree = MapTree | ListTree | ScalarTree;
export type MapTree = { readonly kind: 'map'; readonly origin: Origin; readonly entries: Map<string, Tree> };
export type ListTree = { readonly kind: 'list'; readonly origin: Origin; readonly items: Tree[] };
/** `text` is what was typed, without quotes: `0.1` and `0123` stay themselves where text is wanted. */
export type ScalarTree = {
  readonly kind: 'scalar';
  readonly origin: Origin;
  readonly value: unknown;
  readonly text: string;
};

export type Parsed = Readonly<{ root: Tree; problems: readonly Problem[]; notices: readonly Notice[] }>;

const MOST_NODES = 20_000; // aliases can make a small file endless
const DEEPEST = 50;

/** @param originAt names the place of an offset: a line of a file, or always the same variable. */
export function parseTree(text: string, originAt: (offset: number, lines: LineCounter) => Origin): Parsed {
  const lines = new LineCounter();
  const place = (offset: number) => originAt(offset, lines);
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problems: Problem[] = [];
  const notices: Notice[] = [];
  for (const { code, pos } of document.errors) {
    const origin = place(pos[0]);
    if (code === 'MULTIPLE_DOCS') {
      notices.push({ level: 'warn', key: '', message: 'only the first YAML document is read', origin });
    } else {
      problems.push({ key: '', message: messageFor(code), origin });
    }
  }
  for (const { code, pos } of document.warnings) {
    notices.push({ level: 'warn', key: '', message: messageFor(code), origin: place(pos[0]) });
  }
  const empty: Tree = { kind: 'scalar', origin: place(0), value: null, text: '' };
  if (problems.length > 0 || document.contents === null) return { root: empty, problems, notices };

  let nodes = 0;
  function build(node: Node | null | undefined, origin: Origin, depth: number): Tree {
    nodes += 1;
    if (nodes > MOST_NODES || depth > DEEPEST) throw new RangeError('too large');
    if (isAlias(node)) {
      const meant = node.resolve(document);
      if (!meant) problems.push({ key: '', message: YAML_ERRORS.BAD_ALIAS, origin });
      return build(meant, origin, depth + 1);
    }
    if (isMap<Node, Node | null>(node)) return { kind: 'map', origin, entries: entriesOf(node.items, depth) };
    if (isSeq<Node>(node)) {
      const items = node.items.map((item) => build(item, place(item?.range?.[0] ?? 0), depth + 1));
      return { kind: 'list', origin, items };
    }
    return isScalar(node) ? scalar(node, origin) : { kind: 'scalar', origin, value: null, text: '' };
  }

  function entriesOf(pairs: readonly { key: Node; value: Node | null }[], depth: number): Map<string, Tree> {
    const entries = new Map<string, Tree>();
    const merged = new Map<string, Tree>();
    for (const { key, value } of pairs) {
      const origin = place(key?.range?.[0] ?? 0);
      const name = isScalar(key) ? scalar(key, origin).text : undefined;
      if (name === undefined) {
        problems.push({ key: '', message: 'a key must be plain text', origin });
      } else if (name === '<<') {
        for (const [each, tree] of mergedEntries(build(value, origin, depth + 1))) merged.set(each, tree);
      } else {
        if (entries.has(name)) {
          notices.push({ level: 'warn', key: name, message: 'is given twice; the last one counts', origin });
        }
        entries.set(name, build(value, origin, depth + 1));
      }
    }
    for (const [name, tree] of merged) if (!entries.has(name)) entries.set(name, tree);
    return entries;
  }

  try {
    const root = build(document.contents, place(document.contents.range?.[0] ?? 0), 0);
    return { root: problems.length > 0 ? empty : root, problems, notices };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const message = 'is nested too deeply, or grows too large through its aliases';
    return { root: empty, problems: [{ key: '', message, origin: place(0) }], notices };
  }
}

/** What `<<:` brings in: of several maps in a list the first has precedence. */
function mergedEntries(tree: Tree): Iterable<[string, Tree]> {
  if (tree.kind === 'map') return tree.entries;
  if (tree.kind === 'scalar') return [];
  return tree.items.toReversed().flatMap((item) => [...mergedEntries(item)]);
}

function scalar({ value, source }: Scalar, origin: Origin): ScalarTree {
  return {
    kind: 'scalar',
    origin,
    value,
    text: typeof value === 'string' ? value : (source ?? String(value ?? '')),
  };
}

/** The library's own messages may quote the text, which may be a secret. */
const YAML_ERRORS = {
  BAD_ALIAS: 'an alias (*name) has no anchor before it; put quotes around text that begins with *',
  BAD_DQ_ESCAPE: 'an unknown escape; single quotes take text as it is',
  BAD_INDENT: 'the indentation does not fit what is above it, or a closing bracket is missing',
  BAD_SCALAR_START: 'text cannot begin with this character; put quotes around it',
  BLOCK_AS_IMPLICIT_KEY: 'a nested key is on the same line as its parent; put it on the next one, indented',
  MISSING_CHAR: 'something is missing here: a colon, a comma, a quote or a closing bracket',
  MULTILINE_IMPLICIT_KEY: 'a key must fit on one line and end in a colon',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'an unknown tag (!name); put quotes around text that begins with !',
  UNEXPECTED_TOKEN: 'this cannot stand here; put quotes around text with special characters',
} as const;

function messageFor(code: string): string {
  return new Map<string, string>(Object.entries(YAML_ERRORS)).get(code) ?? 'is not YAML';
}

/** The value as YAML alone understands it, for places where anything may be written. */
export function plainOf(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plainOf);
  return Object.fromEntries([...tree.entries].map(([key, value]) => [key, plainOf(value)]));
}

/** The part at this place, if it was written. */
export function findTree(root: Tree, path: readonly (string | number)[]): Tree | undefined {
  let tree: Tree | undefined = root;
  for (const step of path) {
    if (tree?.kind === 'map') tree = tree.entries.get(String(step));
    else if (tree?.kind === 'list') tree = tree.items[Number(step)];
    else return undefined;
  }
  return tree;
}

/** What was written for a dotted key, `undefined` when nothing was. */
export function textAt(root: Tree, key: string): string | undefined {
  const tree = findTree(root, key.split('.'));
  return tree?.kind === 'scalar' && tree.text !== '' ? tree.text : undefined;
}

/** Where the part at this place was written, or else the nearest part around it. */
export function originAt(root: Tree, path: readonly (string | number)[]): Origin {
  for (let length = path.length; length > 0; length -= 1) {
    const tree = findTree(root, path.slice(0, length));
    if (tree) return tree.origin;
  }
  return root.origin;
}
