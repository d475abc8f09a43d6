import type { Package } from '../package.js';
import { findSection, type ReadPart } from './elf.js';
import { type PackageReader, UnreadableError } from './reader.js';

const SECTION = '.go.buildinfo';
const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
/** Two strings follow this header since Go 1.18; before, addresses of some. */
const HEADER_BYTES = 32;
const FLAGS_AT = 15;
const HAS_STRINGS = 2;
/** On either side of the list of modules. */
const SENTINEL_BYTES = 16;
const MAX_INFO_BYTES = 16 * 1024 * 1024;
/** Programs of Go are larger. */
const MIN_PROGRAM_BYTES = 256 * 1024;

/** Modules in programs that Go 1.18 or later has made. go.dev/pkg/debug/buildinfo. */
export const goReader: PackageReader = {
  name: 'a program made by Go',
  isFor: ({ entry }) =>
    entry.type === 'file' && (entry.mode & 0o111) !== 0 && entry.size >= MIN_PROGRAM_BYTES,
  *read(found, { view }) {
    const info = buildInfoIn((offset, count) => view.readPart(found, offset, count));
    if (info === undefined) return;
    yield module('stdlib', info.version.replace(/^go/, ''), found.path);
    yield* modulesIn(info.modules, found.path);
  },
};

function buildInfoIn(read: ReadPart): Readonly<{ version: string; modules: string }> | undefined {
  const section = findSection(read, SECTION);
  if (section === undefined) return undefined;
  const bytes = read(section.offset, Math.min(section.size, MAX_INFO_BYTES));
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (((bytes[FLAGS_AT] ?? 0) & HAS_STRINGS) === 0)
    throw new UnreadableError('it was made by Go before 1.18');
  const version = stringAt(bytes, HEADER_BYTES);
  const modules = stringAt(bytes, version.end);
  return { version: version.text, modules: modules.text.slice(SENTINEL_BYTES, -SENTINEL_BYTES) };
}

/** The length, in groups of seven bits, and so many bytes. */
function stringAt(bytes: Buffer, start: number): Readonly<{ text: string; end: number }> {
  let [length, factor, at] = [0, 1, start];
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || factor > 2 ** 35) throw new UnreadableError('its build information is cut off');
    at += 1;
    length += (byte & 0x7f) * factor;
    factor *= 0x80;
    if (byte < 0x80) break;
  }
  if (at + length > bytes.length) throw new UnreadableError('its build information is cut off');
  return { text: bytes.subarray(at, at + length).toString('latin1'), end: at + length };
}

/** `mod` and `dep` with path and version, each followed by `=>` where another module took its place. */
function* modulesIn(text: string, path: string): Generator<Package> {
  let last: Package | undefined;
  for (const line of text.split('\n')) {
    const [kind, name = '', version = ''] = line.split('\t');
    if (kind !== 'mod' && kind !== 'dep' && kind !== '=>') continue;
    if (last !== undefined && kind !== '=>') yield last;
    last = module(name, version, path);
  }
  if (last !== undefined) yield last;
}

/** The main module has the version `(devel)` mostly. */
function module(modulePath: string, version: string, path: string): Package {
  const slash = modulePath.lastIndexOf('/');
  return {
    url: {
      type: 'golang',
      ...(slash > 0 && { namespace: modulePath.slice(0, slash) }),
      name: modulePath.slice(slash + 1),
      ...(version !== '(devel)' && { version }),
    },
    name: modulePath,
    version,
    path,
  };
}
