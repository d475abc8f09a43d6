import { callFunction, FormatError, isTruthy, TEMPLATE_FUNCTIONS } from './format-functions.js';
import {
  type BlockNode,
  type Command,
  type Node,
  type Operand,
  type Pipeline,
  parseTemplate,
} from './format-syntax.js';
import { formatTable } from './format-table.js';
import { show } from './go-value.js';

export { FormatError } from './format-functions.js';

/** A text with values in it, as `docker --format` takes it: most of Go's text/template. */
export class Template {
  readonly #nodes: readonly Node[];

  /** @throws {FormatError} it is none. */
  constructor(source: string) {
    this.#nodes = parseTemplate(source);
  }

  /** @throws {FormatError} a member that there is not, or a function that does not take its arguments. */
  render(data: unknown): string {
    const variables = new Map<string, unknown>([['$', data]]);
    return renderAll(this.#nodes, { dot: data, root: data, variables });
  }
}

/**
 * Prints rows as `--format` says: `json`, `table TEMPLATE`, or a template for each.
 * @param headers the heading of each member, for tables; also the names of all members.
 */
export function formatRows(
  rows: readonly Readonly<Record<string, unknown>>[],
  format: string,
  headers: Readonly<Record<string, string>>,
): string {
  if (format === 'json') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const isTable = /^table(\s|$)/.test(format);
  const template = new Template(unescaped(isTable ? format.replace(/^table\s*/, '') : format));
  if (!isTable) return rows.map((row) => `${template.render(row)}\n`).join('');
  const titles = { ...headers, Label: labelTitle };
  return formatTable([titles, ...rows].map((row) => template.render(row).split('\t')));
}

/** What a row has as `Label`, for `{{.Label "org.example.tier"}}`. */
export function labelOf(labels: Readonly<Record<string, string>>): (name: unknown) => string {
  return (name) => labels[String(name)] ?? '';
}

/** Docker's heading of such a column: `tier`. */
function labelTitle(name: unknown): string {
  return String(name).split('.').at(-1)?.replaceAll(/[-_]/g, ' ') ?? '';
}

/** Shells pass on `\t` and `\n` as they are typed. */
export function unescaped(format: string): string {
  return format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

type Scope = Readonly<{ dot: unknown; root: unknown; variables: Map<string, unknown> }>;

function renderAll(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => renderNode(node, scope)).join('');
}

function renderNode(node: Node, scope: Scope): string {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'print':
      return printed(node.pipeline, scope);
    case 'if':
      return isTruthy(evaluate(node.pipeline, scope))
        ? renderInner(node.body, scope)
        : renderInner(node.otherwise, scope);
    case 'with': {
      const value = evaluate(node.pipeline, scope);
      return isTruthy(value)
        ? renderInner(node.body, { ...scope, dot: value })
        : renderInner(node.otherwise, scope);
    }
    case 'range':
      return renderRange(node, scope);
  }
}

/** A pipeline that declares a variable prints nothing. */
function printed(pipeline: Pipeline, scope: Scope): string {
  const value = evaluate(pipeline, scope);
  return pipeline.variables.length > 0 ? '' : show(value, nameOf(pipeline));
}

/** What a pipeline ends with, where that is a member of something. */
function nameOf({ commands }: Pipeline): string | undefined {
  const last = commands.at(-1)?.[0];
  return last !== undefined && 'path' in last ? last.path.at(-1) : undefined;
}

/** Variables that are declared inside end there; those outside can be set. */
function renderInner(nodes: readonly Node[], scope: Scope): string {
  return renderAll(nodes, { ...scope, variables: new Map(scope.variables) });
}

function renderRange(node: BlockNode, scope: Scope): string {
  const items = itemsOf(evaluate({ ...node.pipeline, variables: [] }, scope));
  if (items.length === 0) return renderInner(node.otherwise, scope);
  return items
    .map(([key, value]) => {
      const variables = new Map(scope.variables);
      const [first, second] = node.pipeline.variables;
      if (first !== undefined) variables.set(first, second === undefined ? value : key);
      if (second !== undefined) variables.set(second, value);
      return renderAll(node.body, { ...scope, dot: value, variables });
    })
    .join('');
}

function itemsOf(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value === 'number') return Array.from({ length: value }, (_, i) => [i, i] as const);
  if (typeof value === 'object') return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  throw new FormatError(`range cannot go over ${JSON.stringify(value)}`);
}

function evaluate({ variables, commands }: Pipeline, scope: Scope): unknown {
  let piped: readonly unknown[] = [];
  for (const command of commands) piped = [runCommand(command, piped, scope)];
  const [name] = variables;
  if (name !== undefined) scope.variables.set(name, piped[0]);
  return piped[0];
}

function runCommand([first, ...rest]: Command, piped: readonly unknown[], scope: Scope): unknown {
  if (first?.kind !== 'function') {
    const value = first === undefined ? undefined : operandValue(first, scope);
    if (typeof value === 'function') return value(...rest.map((one) => operandValue(one, scope)), ...piped);
    if (rest.length > 0 || piped.length > 0) throw new FormatError('only a function takes arguments');
    return value;
  }
  if (!TEMPLATE_FUNCTIONS.has(first.name)) {
    throw new FormatError(
      `no function is called ${first.name}; there are ${[...TEMPLATE_FUNCTIONS].join(', ')}`,
    );
  }
  return callFunction(first.name, [...rest.map((operand) => operandValue(operand, scope)), ...piped]);
}

function operandValue(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case 'literal':
      return operand.value;
    case 'field':
      return memberOf(scope.dot, operand.path, scope.dot === scope.root);
    case 'variable':
      if (!scope.variables.has(operand.name)) throw new FormatError(`no variable is called ${operand.name}`);
      return memberOf(scope.variables.get(operand.name), operand.path, operand.name === '$');
    case 'group':
      return memberOf(evaluate(operand.pipeline, scope), operand.path, false);
    case 'function':
      return callFunction(operand.name, []);
  }
}

/** Members of the outermost value are known, so a wrong one is a mistake; further in, absent ones are normal. */
function memberOf(value: unknown, path: readonly string[], isRoot: boolean): unknown {
  let current = value;
  for (const [i, name] of path.entries()) {
    const isObject = typeof current === 'object' && current !== null;
    if (isRoot && i === 0 && isObject && !(name in (current as object))) {
      throw new FormatError(
        `there is no .${name}; there are ${Object.keys(current as object)
          .map((key) => `.${key}`)
          .join(' ')}`,
      );
    }
    current = isObject ? (current as Record<string, unknown>)[name] : undefined;
  }
  return current;
}
