import { canCallLinux, lgetxattr, llistxattr } from '../../linux/index.js';

/** Of a path itself, links not followed; `undefined` where there are none. */
export function readXattrs(path: string | Buffer): ReadonlyMap<string, Buffer> | undefined {
  if (!canCallLinux()) return undefined;
  const names = llistxattr(path).filter(isKept);
  if (names.length === 0) return undefined;
  const pairs = names.map((name) => [name, lgetxattr(path, name) ?? Buffer.alloc(0)] as const);
  return new Map(pairs);
}

/** What a layer holds: capabilities of programs, and what users note. Not what the overlay filesystem notes. */
function isKept(name: string): boolean {
  return name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
}

/** As text, for {@link decodeXattrs}: empty for none. */
export function encodeXattrs(xattrs: ReadonlyMap<string, Buffer> | undefined): string {
  if (xattrs === undefined) return '';
  return JSON.stringify([...xattrs].map(([name, value]) => [name, value.toString('base64')]));
}

export function decodeXattrs(text: string): ReadonlyMap<string, Buffer> | undefined {
  if (text === '') return undefined;
  const pairs = JSON.parse(text) as [string, string][];
  return new Map(pairs.map(([name, value]) => [name, Buffer.from(value, 'base64')]));
}
