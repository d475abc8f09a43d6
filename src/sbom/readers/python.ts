import { type Package, supplierOf } from '../package.js';
import { linesOf, stanzasOf } from '../stanzas.js';
import type { PackageReader } from './reader.js';

const NAMES = new Set([
  'Name',
  'Version',
  'License-Expression',
  'License',
  'Summary',
  'Home-page',
  'Author',
  'Author-email',
]);

/** What pip and its like leave of each package. packaging.python.org, "Core metadata specifications". */
export const pythonReader: PackageReader = {
  name: 'the metadata of a Python package',
  isFor: ({ path, entry }) =>
    entry.type === 'file' && /(^|\/)[^/]+(\.dist-info\/METADATA|\.egg-info\/PKG-INFO|\.egg-info)$/.test(path),
  *read(found, { view }) {
    // What comes after the first blank line is the long description.
    for (const fields of stanzasOf(linesOf(view.read(found)), NAMES)) {
      const read = packageOf(fields, found.path);
      if (read !== undefined) yield read;
      return;
    }
  },
};

function packageOf(fields: ReadonlyMap<string, string>, path: string): Package | undefined {
  const known = new Map([...fields].filter(([, value]) => value !== '' && value !== 'UNKNOWN'));
  const [name, version] = [known.get('Name'), known.get('Version')];
  if (name === undefined || version === undefined) return undefined;
  const license = known.get('License-Expression') ?? known.get('License');
  const [homepage, summary, author] = ['Home-page', 'Summary', 'Author'].map((key) => known.get(key));
  return {
    url: { type: 'pypi', name: name.toLowerCase().replace(/[-_.]+/g, '-'), version },
    name,
    version,
    ...(license && { license }),
    ...(homepage && { homepage }),
    ...(summary && { summary }),
    ...(author && { supplier: supplierOf(author) }),
    path,
  };
}
