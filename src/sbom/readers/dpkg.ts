import { distroOf } from '../os-release.js';
import { type Package, supplierOf } from '../package.js';
import { linesOf, stanzasOf } from '../stanzas.js';
import type { PackageReader, Reading } from './reader.js';

const NAMES = new Set([
  'Package',
  'Status',
  'Version',
  'Architecture',
  'Source',
  'Maintainer',
  'Homepage',
  'Description',
]);

/** Of packages whose files are not there, or not all. dpkg(1), "Package states". */
const GONE = ['not-installed', 'config-files', 'half-installed'];

/** Debian's: `status`, or a file for each package in `status.d`, as images without dpkg have it. deb-control(5). */
export const dpkgReader: PackageReader = {
  name: 'the database of dpkg',
  isFor: ({ path }) =>
    path === 'var/lib/dpkg/status' || /^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/.test(path),
  *read(found, reading) {
    for (const stanza of stanzasOf(linesOf(reading.view.read(found)), NAMES)) {
      const read = packageOf(stanza, found.path, reading);
      if (read !== undefined) yield read;
    }
  },
};

function packageOf(stanza: ReadonlyMap<string, string>, path: string, { os }: Reading): Package | undefined {
  const [name, version = ''] = [stanza.get('Package'), stanza.get('Version')];
  const state = stanza.get('Status')?.split(' ').at(-1) ?? 'installed';
  if (name === undefined || GONE.includes(state)) return undefined;
  const [maintainer, homepage, summary] = ['Maintainer', 'Homepage', 'Description'].map((key) =>
    stanza.get(key),
  );
  const qualifiers = {
    arch: stanza.get('Architecture'),
    distro: distroOf(os),
    upstream: sourceOf(stanza.get('Source')),
  };
  return {
    url: { type: 'deb', namespace: os?.id ?? 'debian', name, version, qualifiers },
    name,
    version,
    ...(maintainer && { supplier: supplierOf(maintainer) }),
    ...(homepage && { homepage }),
    ...(summary && { summary }),
    path,
  };
}

/** `glibc (2.36-9)`: the version is named where it is another one. */
function sourceOf(text: string | undefined): string | undefined {
  const [, name, version] = /^(\S+)(?: \((.*)\))?$/.exec(text ?? '') ?? [];
  return version === undefined ? name : `${name}@${version}`;
}
