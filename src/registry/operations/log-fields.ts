import { isSystemError, reasonOf } from '../system-error.js';

const SECRET = /(?:authorization|password|passwd|token|secret|cookie)$/i;
/** Names that a log line has already. */
const RESERVED = new Set(['time', 'level', 'msg', 'message', '@timestamp', '@version']);
const MAX_DEPTH = 5;
const MAX_ITEMS = 100;
const MAX_CHARACTERS = 8 * 1024;
const MAX_CAUSES = 8;

/**
 * Fields as they may be logged: secrets hidden by their names, errors told by their messages, nothing endless.
 * @param options `stacks` adds where an error came from, in a field of its own.
 */
export function presentFields(fields: object, options: { stacks: boolean }): Record<string, unknown> {
  const presented: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    presented[RESERVED.has(name) ? `fields.${name}` : name] = presentNamed(name, value, 0);
    if (options.stacks && value instanceof Error) presented[`${name}.stack`] = stackOf(value);
  }
  return presented;
}

function presentNamed(name: string, value: unknown, depth: number): unknown {
  return SECRET.test(name) && value !== null && value !== '' ? '[hidden]' : present(value, depth);
}

function present(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_CHARACTERS ? `${value.slice(0, MAX_CHARACTERS)}…` : value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      return value === null ? null : presentObject(value, depth);
    case 'boolean':
    case 'undefined':
      return value;
    default:
      return String(value);
  }
}

function presentObject(value: object, depth: number): unknown {
  if (value instanceof Error) return describeError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof URL) return value.origin + value.pathname;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth === MAX_DEPTH) return '…';
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    const items = value instanceof Map ? Object.entries(Object.fromEntries(value)) : [...value];
    return items.slice(0, MAX_ITEMS).map((item) => present(item, depth + 1));
  }
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([name, each]) => [name, presentNamed(name, each, depth + 1)]));
}

/**
 * An error with all that caused it, as one sentence: what was being done, then why it failed.
 * @param options.withoutPaths for who need not know where the system has files.
 */
export function describeError(error: unknown, { withoutPaths = false } = {}): string {
  const parts: string[] = [];
  for (const each of causesOf(error)) {
    const message =
      withoutPaths && isSystemError(each) && each.path !== undefined ? reasonOf(each) : messageOf(each);
    if (!parts.some((part) => part.includes(message))) parts.push(message); // many wrappers quote their cause
  }
  const text = parts.join(': ');
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}

function* causesOf(error: unknown): Generator<unknown> {
  let each = error;
  for (let count = 0; count < MAX_CAUSES; count += 1) {
    yield each;
    if (!(each instanceof Error) || each.cause === undefined || each.cause === null) return;
    each = each.cause;
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.message || error.name;
  if (!(error instanceof AggregateError) || error.errors.length === 0) return own;
  const inner = error.errors
    .slice(0, MAX_CAUSES)
    .map((each) => describeError(each))
    .join('; ');
  return error.message === '' ? inner : `${own}: ${inner}`;
}

function stackOf(error: unknown): string {
  const stacks = [...causesOf(error)].map((each) => (each instanceof Error ? each.stack : String(each)));
  return stacks.join('\ncaused by ').slice(0, 2 * MAX_CHARACTERS);
}
