/** What is to be copied. `name`: of itself, `''` where it is only what is in a directory. */
export type CopySource = Readonly<{ isDirectory: boolean; name: string }>;
/** Where it is to go. `path` is absolute, with the slash or `/.` that it was written with, links at its end followed. */
export type CopyPlace = Readonly<{ path: string; kind: 'directory' | 'file' | 'absent' }>;

/**
 * Docker's rules for where a copy goes.
 * @returns the directory to be unpacked into, and what the source is called there; `''` is what is in it, without itself.
 * @throws {Error} a directory on a file, or a file as a directory that is not there.
 */
export function copyTarget(
  source: CopySource,
  { path, kind }: CopyPlace,
): Readonly<{ directory: string; name: string }> {
  if (kind === 'directory') return { directory: path, name: source.name };
  if (kind === 'file' && source.isDirectory) throw new Error('cannot copy directory');
  if (kind === 'absent' && !source.isDirectory && /\/\.?$/.test(path)) throw new Error('no such directory');
  const { directory, name } = splitPlace(path);
  return { directory, name };
}

function splitPlace(path: string): Readonly<{ directory: string; name: string }> {
  const plain = path.replace(/\/+\.?$/, '');
  const slash = plain.lastIndexOf('/');
  return { directory: slash <= 0 ? '/' : plain.slice(0, slash), name: plain.slice(slash + 1) };
}

/** What a path is called when it is copied: `''` for `/`, `.`, and what ends with `/.` or `/..`. */
export function copiedName(path: string): string {
  const last = path.replace(/\/+$/, '').split('/').at(-1) ?? '';
  return last === '.' || last === '..' ? '' : last;
}

/** `CONTAINER:PATH`, or a path of this machine, where `container` is not set. */
export function splitCopyArgument(text: string): Readonly<{ container?: string; path: string }> {
  const colon = text.indexOf(':');
  const isLocal = text.startsWith('/') || text.startsWith('.') || colon < 0;
  return isLocal ? { path: text } : { container: text.slice(0, colon), path: text.slice(colon + 1) };
}
