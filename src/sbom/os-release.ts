import type { RootfsView } from '../layer/index.js';

/** What distribution it is. Fields are empty where it does not say. os-release(5). */
export type OsRelease = Readonly<{ id: string; version: string; name: string }>;

/** @returns `undefined` for a root filesystem of no distribution. */
export function readOsRelease(view: RootfsView): OsRelease | undefined {
  const text = textOf(view, '/etc/os-release') ?? textOf(view, '/usr/lib/os-release');
  if (text === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^([A-Z_]+)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined) fields.set(name, unquoted(value));
  }
  const id = fields.get('ID') ?? '';
  if (id === '') return undefined;
  const name = fields.get('PRETTY_NAME') ?? fields.get('NAME') ?? id;
  return { id, version: fields.get('VERSION_ID') ?? '', name };
}

/** `debian-12`, for qualifiers of package URLs. */
export function distroOf(os: OsRelease | undefined): string | undefined {
  if (os === undefined) return undefined;
  return os.version === '' ? os.id : `${os.id}-${os.version}`;
}

function textOf(view: RootfsView, path: string): string | undefined {
  try {
    return view.readFile(path)?.toString('utf8');
  } catch {
    return undefined; // nobody writes so much
  }
}

function unquoted(text: string): string {
  const [, , inner] = /^(["'])(.*)\1$/.exec(text) ?? [];
  return (inner ?? text).replace(/\\(["'$`\\])/g, '$1');
}
