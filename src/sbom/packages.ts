import { Pace, type RootfsView } from '../layer/index.js';
import { formatPackageUrl } from '../oci/index.js';
import { type OsRelease, readOsRelease } from './os-release.js';
import type { Package } from './package.js';
import { apkReader } from './readers/apk.js';
import { dpkgReader } from './readers/dpkg.js';
import { goReader } from './readers/go.js';
import { npmLockReader, npmPackageReader } from './readers/npm.js';
import { pythonReader } from './readers/python.js';
import { type PackageReader, type Reading, UnreadableError } from './readers/reader.js';
import { rpmReader } from './readers/rpm.js';

const READERS: readonly PackageReader[] = [
  dpkgReader,
  apkReader,
  rpmReader,
  npmPackageReader,
  npmLockReader,
  pythonReader,
  goReader,
];

/** As many as no image has. */
const MAX_PACKAGES = 500_000;

export type ScanOptions = Readonly<{
  /** For what has to be a file of its own to be read; nothing stays there. */
  temporaryDirectory: string;
  /** A file that seems to tell of packages, and cannot be read. */
  onUnreadable: (message: string) => void;
  signal: AbortSignal;
}>;

/** What a root filesystem consists of. */
export type Inventory = Readonly<{
  os: OsRelease | undefined;
  /** By package URL, each once; `paths` are all files that tell of it. Sorted. */
  packages: readonly FoundPackage[];
}>;

export type FoundPackage = Package & Readonly<{ purl: string; paths: readonly string[] }>;

/** Finds the packages in a root filesystem, by one walk through it. */
export async function packagesIn(view: RootfsView, options: ScanOptions): Promise<Inventory> {
  const { temporaryDirectory, signal } = options;
  const os = readOsRelease(view);
  const reading = { view, os, temporaryDirectory };
  const packages = new Map<string, FoundPackage>();
  const pace = new Pace();
  const root = view.lookup('');
  for (const found of root === undefined ? [] : view.walk(root)) {
    if (pace.isDue()) {
      await pace.breathe();
      signal.throwIfAborted();
    }
    const reader = READERS.find((one) => one.isFor(found, view));
    if (reader === undefined || found.entry.type !== 'file') continue;
    for (const one of readable(reader, found, reading, options)) add(packages, one);
  }
  const sorted = [...packages.values()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  return { os, packages: sorted };
}

function* readable(
  reader: PackageReader,
  found: Parameters<PackageReader['read']>[0],
  reading: Reading,
  { onUnreadable }: ScanOptions,
): Generator<Package> {
  try {
    yield* reader.read(found, reading);
  } catch (error) {
    if (!(error instanceof UnreadableError) && !isDamage(error)) throw error;
    onUnreadable(`/${found.path} is ${reader.name}, and cannot be read: ${(error as Error).message}`);
  }
}

/** SQLite's own words for a file that is none. */
function isDamage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

function add(packages: Map<string, FoundPackage>, one: Package): void {
  const purl = formatPackageUrl(one.url);
  const known = packages.get(purl);
  if (known === undefined) {
    if (packages.size >= MAX_PACKAGES)
      throw new RangeError(`an image with more than ${MAX_PACKAGES} packages`);
    packages.set(purl, { ...one, purl, paths: [one.path] });
  } else if (!known.paths.includes(one.path)) {
    packages.set(purl, { ...known, paths: [...known.paths, one.path] });
  }
}
