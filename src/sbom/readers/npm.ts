import { splitPath } from '../../layer/index.js';
import { type Checksum, type Package, supplierOf } from '../package.js';
import { objectOf, type PackageReader, textAt, textOf, UnreadableError } from './reader.js';

const MAX_PACKAGE_BYTES = 4 * 1024 * 1024;
const MAX_LOCK_BYTES = 64 * 1024 * 1024;
/** Of dependencies below dependencies. */
const MAX_DEPTH = 100;

/** package.json of what is installed. docs.npmjs.com, "package.json". */
export const npmPackageReader: PackageReader = {
  name: 'package.json of an npm package',
  isFor: ({ path, entry }) =>
    entry.type === 'file' && /(^|\/)node_modules\/(@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path),
  *read(found, { view }) {
    const json = parseJson(textOf(view, found, MAX_PACKAGE_BYTES));
    const [name, version] = [textAt(json, 'name'), textAt(json, 'version')];
    if (name === undefined || version === undefined) return;
    const [license, supplier] = [licenseOf(json), authorOf(json)];
    const [homepage, summary] = [textAt(json, 'homepage'), textAt(json, 'description')];
    yield {
      ...named(name, version),
      ...(license && { license }),
      ...(supplier && { supplier }),
      ...(homepage && { homepage }),
      ...(summary && { summary }),
      path: found.path,
    };
  },
};

/** A lock file without packages beside it: those of a bundle, perhaps. docs.npmjs.com, "package-lock.json". */
export const npmLockReader: PackageReader = {
  name: 'a lock file of npm',
  isFor: ({ path, entry }, view) => {
    if (entry.type !== 'file' || !/(^|\/)(package-lock|npm-shrinkwrap)\.json$/.test(path)) return false;
    if (/(^|\/)node_modules\//.test(path)) return false;
    const { parent } = splitPath(path);
    return view.lookup(`${parent}/node_modules`) === undefined;
  },
  *read(found, { view }) {
    const json = parseJson(textOf(view, found, MAX_LOCK_BYTES));
    const packages = objectOf(objectOf(json)?.packages);
    if (packages === undefined) yield* oldDependencies(json, found.path, 0);
    else for (const [place, entry] of Object.entries(packages)) yield* lockedAt(place, entry, found.path);
  },
};

/** Of lock files since version 2: by the place where it is installed. */
function* lockedAt(place: string, entry: unknown, path: string): Generator<Package> {
  const name = textAt(entry, 'name') ?? /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(place)?.[1];
  if (name === undefined || place === '' || objectOf(entry)?.link === true) return;
  yield* locked(name, entry, path);
}

/** Of lock files of version 1. */
function* oldDependencies(json: unknown, path: string, depth: number): Generator<Package> {
  if (depth > MAX_DEPTH) throw new UnreadableError('dependencies are nested too deep');
  for (const [name, entry] of Object.entries(objectOf(objectOf(json)?.dependencies) ?? {})) {
    yield* locked(name, entry, path);
    yield* oldDependencies(entry, path, depth + 1);
  }
}

/** What is for developers only does not get into images. */
function* locked(name: string, entry: unknown, path: string): Generator<Package> {
  const version = textAt(entry, 'version');
  if (version === undefined || objectOf(entry)?.dev === true) return;
  const [license, checksum] = [licenseOf(entry), checksumOf(textAt(entry, 'integrity'))];
  yield { ...named(name, version), ...(license && { license }), ...(checksum && { checksum }), path };
}

function named(name: string, version: string): Pick<Package, 'url' | 'name' | 'version'> {
  const [, namespace, rest = name] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  return {
    url: { type: 'npm', ...(namespace !== undefined && { namespace }), name: rest, version },
    name,
    version,
  };
}

/** A word; formerly an object, or a list of those. */
function licenseOf(json: unknown): string | undefined {
  const old = objectOf(json)?.licenses;
  const one = textAt(json, 'license') ?? textAt(objectOf(json)?.license, 'type');
  if (one !== undefined || !Array.isArray(old)) return one;
  const types = old.flatMap((license: unknown) => textAt(license, 'type') ?? []);
  return types.length === 0 ? undefined : types.join(' OR ');
}

function authorOf(json: unknown): string | undefined {
  const author = textAt(json, 'author') ?? textAt(objectOf(json)?.author, 'name');
  const name = author?.replace(/\s*[<(].*$/, '');
  return name ? supplierOf(name) : undefined;
}

const ALGORITHMS: Readonly<Record<string, Checksum['algorithm']>> = {
  sha1: 'SHA1',
  sha256: 'SHA256',
  sha384: 'SHA384',
  sha512: 'SHA512',
};

/** Subresource Integrity: `sha512-` and base64. */
function checksumOf(integrity: string | undefined): Checksum | undefined {
  const [, name = '', base64 = ''] = /^(sha\d+)-([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(integrity ?? '') ?? [];
  const algorithm = ALGORITHMS[name];
  return algorithm && { algorithm, value: Buffer.from(base64, 'base64').toString('hex') };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnreadableError('it is not JSON', { cause: error });
  }
}
