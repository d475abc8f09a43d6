import { splitRecord } from './csv.js';
import { type Field, MountError, type MountType, typeOf, Values } from './mount-values.js';

/** `from`: a stage, a named context or an image; the build context when absent. */
export type BindMount = Readonly<{
  type: 'bind';
  target: string;
  source: string;
  from?: string;
  readOnly: boolean;
}>;

export type CacheMount = Readonly<{
  type: 'cache';
  target: string;
  id: string;
  sharing: 'shared' | 'private' | 'locked';
  from?: string;
  source?: string;
  /** Of a new directory only. */
  mode: number;
  uid: number;
  gid: number;
  readOnly: boolean;
}>;

/** `size` in bytes. */
export type TmpfsMount = Readonly<{ type: 'tmpfs'; target: string; size?: number }>;

/** A file, or a variable, or both. */
export type SecretMount = Readonly<{
  type: 'secret';
  id: string;
  target?: string;
  env?: string;
  required: boolean;
  mode: number;
  uid: number;
  gid: number;
}>;

/** `target` is chosen by the builder when absent. */
export type SshMount = Readonly<{
  type: 'ssh';
  id: string;
  target?: string;
  required: boolean;
  mode: number;
  uid: number;
  gid: number;
}>;

export type Mount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;

type MountOptions = Readonly<{
  /** Takes variables out of a value; `from` is never given to it. */
  expand?: (value: string) => string;
  /** What targets that are relative are under. */
  workdir?: string;
}>;

/** Reads all of one RUN. @throws {MountError} */
export function parseMounts(texts: readonly string[], options: MountOptions = {}): Mount[] {
  return texts.map((text) => parseMount(text, options));
}

/**
 * Reads the value of one `--mount`.
 * @throws {MountError} and what `expand` throws.
 */
export function parseMount(
  text: string,
  { expand = (value) => value, workdir = '/' }: MountOptions = {},
): Mount {
  const fields = fieldsOf(text).map(([key, value]) => [key, expandedField(key, value, expand)] as const);
  const type = typeOf(fields.find(([key]) => key === 'type')?.[1] ?? 'bind');
  const values = new Values(type, fields);
  return BUILDERS[type](values, (target) => absolute(target, workdir));
}

/** Refuses what is wrong whatever its variables are. @throws {MountError} */
export function refuseMount(text: string): void {
  for (const [key, value] of fieldsOf(text)) if (key === 'from') refuseVariables(value ?? '');
  if (!/[$'"\\`]/.test(text)) parseMount(text, { workdir: '/somewhere' });
}

/** The stage, context or image that the value of a `--mount` names, variables elsewhere in it or not. */
export function mountSource(text: string): string | undefined {
  return fieldsOf(text).findLast(([key]) => key === 'from')?.[1] || undefined;
}

function fieldsOf(text: string): Field[] {
  try {
    return splitRecord(text).map((field) => {
      const equals = field.indexOf('=');
      return equals < 0
        ? [field.toLowerCase(), undefined]
        : [field.slice(0, equals).toLowerCase(), field.slice(equals + 1)];
    });
  } catch (error) {
    if (error instanceof RangeError)
      throw new MountError(`cannot read --mount: ${error.message}`, { cause: error });
    throw error;
  }
}

function expandedField(key: string, value: string | undefined, expand: (value: string) => string) {
  if (key === 'from') refuseVariables(value ?? '');
  return value === undefined || key === 'from' ? value : expand(value);
}

function refuseVariables(from: string): void {
  if (!/\$./.test(from)) return;
  throw new MountError(
    'variables are not expanded in from=; name a stage with FROM, whose line may have variables',
  );
}

type Absolute = (target: string) => string;

const BUILDERS: Readonly<Record<MountType, (values: Values, absolute: Absolute) => Mount>> = {
  bind: (values, under) => ({
    type: 'bind',
    target: under(values.text('target') ?? ''),
    source: values.text('source') ?? '/',
    ...optional('from', values.text('from')),
    readOnly: values.readOnly(true),
  }),
  cache: (values, under) => ({
    type: 'cache',
    target: under(values.text('target') ?? ''),
    id: values.text('id') || cleanPath(values.text('target') ?? ''),
    sharing: values.oneOf('sharing', ['shared', 'private', 'locked'], 'shared'),
    ...optional('from', values.text('from')),
    ...optional('source', values.text('source')),
    mode: values.number('mode', 8, 0o755),
    uid: values.number('uid', 10, 0),
    gid: values.number('gid', 10, 0),
    readOnly: values.readOnly(false),
  }),
  tmpfs: (values, under) => ({
    type: 'tmpfs',
    target: under(values.text('target') ?? ''),
    ...optional('size', values.size('size')),
  }),
  secret: (values, under) => secretMount(values, under),
  ssh: (values, under) => {
    const target = values.text('target');
    return {
      type: 'ssh',
      id: values.text('id') || 'default',
      ...optional('target', target === undefined ? undefined : under(target)),
      ...owned(values, 0o600),
    };
  },
};

function secretMount(values: Values, under: Absolute): SecretMount {
  const [id, source] = [values.text('id') ?? '', values.text('source') ?? ''];
  const [target = '', env] = [values.text('target'), values.text('env')];
  if (id !== '' && source !== '') throw new MountError('a secret mount has an id or a source, not both');
  const name = id || source || baseName(target);
  if (name === '') throw new MountError('a secret mount needs an id or a target');
  const path = target || (env === undefined ? `/run/secrets/${baseName(name)}` : '');
  return {
    type: 'secret',
    id: name,
    ...(path === '' ? {} : { target: under(path) }),
    ...optional('env', env),
    ...owned(values, 0o400),
  };
}

function owned(values: Values, mode: number) {
  return {
    required: values.boolean('required'),
    mode: values.number('mode', 8, mode),
    uid: values.number('uid', 10, 0),
    gid: values.number('gid', 10, 0),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [name in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [name in K]: V });
}

function absolute(target: string, workdir: string): string {
  const path = cleanPath(target.startsWith('/') ? target : `/${workdir}/${target}`);
  if (path !== '/') return path;
  throw new MountError('nothing can be mounted at /: choose another target');
}

/** Go's path.Clean. */
function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push(part);
  }
  return `${rooted ? '/' : ''}${kept.join('/')}` || '.';
}

function baseName(path: string): string {
  return path.replace(/\/+$/, '').replace(/^.*\//s, '');
}
