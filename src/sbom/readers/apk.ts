import { distroOf } from '../os-release.js';
import { type Package, supplierOf } from '../package.js';
import { linesOf, stanzasOf } from '../stanzas.js';
import type { PackageReader, Reading } from './reader.js';

const NAMES = new Set(['P', 'V', 'A', 'L', 'U', 'T', 'o', 'm']);

/** Alpine's, and of those made of its parts. wiki.alpinelinux.org/wiki/Apk_spec, "Installed database". */
export const apkReader: PackageReader = {
  name: 'the database of apk',
  isFor: ({ path }) => path === 'lib/apk/db/installed' || path === 'usr/lib/apk/db/installed',
  *read(found, reading) {
    for (const stanza of stanzasOf(linesOf(reading.view.read(found)), NAMES)) {
      const read = packageOf(stanza, found.path, reading);
      if (read !== undefined) yield read;
    }
  },
};

function packageOf(stanza: ReadonlyMap<string, string>, path: string, { os }: Reading): Package | undefined {
  const [name, version] = [stanza.get('P'), stanza.get('V')];
  if (name === undefined || version === undefined) return undefined;
  const origin = stanza.get('o');
  const qualifiers = {
    arch: stanza.get('A'),
    distro: distroOf(os),
    upstream: origin === name ? undefined : origin,
  };
  const [license, homepage, summary, maintainer] = ['L', 'U', 'T', 'm'].map((key) => stanza.get(key));
  return {
    url: { type: 'apk', namespace: os?.id ?? 'alpine', name, version, qualifiers },
    name,
    version,
    ...(license && { license }),
    ...(homepage && { homepage }),
    ...(summary && { summary }),
    ...(maintainer && { supplier: supplierOf(maintainer) }),
    path,
  };
}
