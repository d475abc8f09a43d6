import { show } from './go-value.js';

/** A format that cannot be read, or does not fit what it is used for. */
export class FormatError extends Error {
  override readonly name = 'FormatError';

  constructor(message: string) {
    super(`cannot use the format: ${message}`);
  }
}

type TemplateFunction = (...values: readonly unknown[]) => unknown;

/** Go's own functions, and those that docker adds. */
const FUNCTIONS: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['json', (value) => JSON.stringify(value) ?? 'null'],
  ['join', join],
  ['split', (text, separator) => String(text).split(String(separator))],
  ['upper', (text) => show(text).toUpperCase()],
  ['lower', (text) => show(text).toLowerCase()],
  ['title', (text) => show(text).replace(/(^|[^\p{L}\p{N}'_])(\p{L})/gu, (match) => match.toUpperCase())],
  ['truncate', (text, length) => show(text).slice(0, Number(length))],
  [
    'pad',
    (text, before, after) =>
      text === '' ? '' : ' '.repeat(Number(before)) + show(text) + ' '.repeat(Number(after)),
  ],
  ['len', length],
  ['index', index],
  ['slice', slice],
  ['print', (...values) => spaced(values)],
  ['println', (...values) => `${values.map((value) => show(value)).join(' ')}\n`],
  ['printf', (format, ...values) => printf(String(format), values)],
  ['html', (text) => show(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)],
  ['and', (...values) => values.find((value) => !isTruthy(value)) ?? values.at(-1)],
  ['or', (...values) => values.find(isTruthy) ?? values.at(-1)],
  ['not', (value) => !isTruthy(value)],
  ['eq', (first, ...others) => others.some((other) => other === first)],
  ['ne', (first, second) => first !== second],
  ['lt', (first, second) => compare(first, second) < 0],
  ['le', (first, second) => compare(first, second) <= 0],
  ['gt', (first, second) => compare(first, second) > 0],
  ['ge', (first, second) => compare(first, second) >= 0],
]);

export const TEMPLATE_FUNCTIONS: ReadonlySet<string> = new Set(FUNCTIONS.keys());

/** @throws {FormatError} the function cannot do that with these values. */
export function callFunction(name: string, values: readonly unknown[]): unknown {
  const call = FUNCTIONS.get(name);
  if (call === undefined) throw new FormatError(`no function is called ${name}`);
  return call(...values);
}

/** False, 0, nothing and everything empty are false. */
export function isTruthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function join(first: unknown, second: unknown): string {
  const [list, separator] = Array.isArray(second) ? [second, first] : [first, second];
  if (list === null || list === undefined) return '';
  if (!Array.isArray(list)) throw new FormatError(`join takes a list, not ${JSON.stringify(list)}`);
  return list.map((item) => show(item)).join(String(separator ?? ''));
}

function length(value: unknown): number {
  if (value === null || value === undefined) return 0;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object') throw new FormatError(`${JSON.stringify(value)} has no length`);
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

/** What a map does not have is empty; beyond the end of a list is a mistake. */
function index(value: unknown, ...keys: readonly unknown[]): unknown {
  let current = value;
  for (const key of keys) {
    if (Array.isArray(current)) {
      const at = Number(key);
      if (!(at >= 0 && at < current.length))
        throw new FormatError(`a list of ${current.length} has no item ${show(key)}`);
      current = current[at];
    } else {
      current = (current as Record<string, unknown> | null | undefined)?.[String(key)] ?? '';
    }
  }
  return current;
}

function slice(value: unknown, from: unknown, to: unknown): unknown {
  const [start, end] = [Number(from ?? 0), to === undefined ? undefined : Number(to)];
  if (Array.isArray(value) || typeof value === 'string') return value.slice(start, end);
  throw new FormatError(`${JSON.stringify(value)} cannot be sliced`);
}

/** Spaces come between values of which neither is text. */
function spaced(values: readonly unknown[]): string {
  return values.reduce<string>((text, value, i) => {
    const needsSpace = i > 0 && typeof value !== 'string' && typeof values[i - 1] !== 'string';
    return `${text}${needsSpace ? ' ' : ''}${show(value)}`;
  }, '');
}

function compare(first: unknown, second: unknown): number {
  if (typeof first !== typeof second)
    throw new FormatError(`cannot compare ${show(first)} with ${show(second)}`);
  const [a, b] = [first as number, second as number];
  return a < b ? -1 : Number(a > b);
}

function printf(format: string, values: readonly unknown[]): string {
  let next = 0;
  return format.replace(
    /%([-+ 0#]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      const text = next < values.length ? verbatim(values[next], verb, precision) : `%!${verb}(MISSING)`;
      next += 1;
      if (flags.includes('-')) return text.padEnd(Number(width));
      return text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
    },
  );
}

function verbatim(value: unknown, verb: string, precision: string | undefined): string {
  switch (verb) {
    case 'd':
      return String(Math.trunc(Number(value)));
    case 'f':
      return Number(value).toFixed(Number(precision ?? 6));
    case 'x':
      return typeof value === 'number' ? value.toString(16) : Buffer.from(show(value)).toString('hex');
    case 'q':
      return JSON.stringify(show(value));
    case 's':
      return precision === undefined ? show(value) : show(value).slice(0, Number(precision));
    default:
      return show(value);
  }
}
