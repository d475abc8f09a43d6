import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Found, RootfsView } from '../../layer/index.js';
import { distroOf } from '../os-release.js';
import type { Package } from '../package.js';
import { type PackageReader, type Reading, UnreadableError } from './reader.js';
import { parseRpmHeader, type RpmHeader } from './rpm-header.js';

const PLACE =
  /^(var\/lib\/rpm|usr\/lib\/sysimage\/rpm|usr\/share\/rpm)\/(rpmdb\.sqlite|Packages\.db|Packages)$/;
const MAX_DATABASE_BYTES = 2 * 1024 ** 3;

/** Of Fedora and its like, in SQLite: since Fedora 33 and RHEL 9. Older ones, and SUSE, have formats of their own. */
export const rpmReader: PackageReader = {
  name: 'the database of rpm',
  isFor: ({ path, entry }) => entry.type === 'file' && entry.size > 0 && PLACE.test(path),
  *read(found, reading) {
    for (const bytes of sqliteHeaders(found, reading)) {
      const read = packageOf(parseRpmHeader(bytes), found.path, reading);
      if (read !== undefined) yield read;
    }
  },
};

/** SQLite reads files only: the database is copied, and what was not yet written into it. */
function* sqliteHeaders(found: Found, { view, temporaryDirectory }: Reading): Generator<Buffer> {
  if (!found.path.endsWith('.sqlite'))
    throw new UnreadableError('it is in an older format than SQLite, or in that of SUSE');
  if (found.entry.size > MAX_DATABASE_BYTES) throw new UnreadableError('it is too large');
  const path = join(temporaryDirectory, `rpmdb-${process.hrtime.bigint()}.sqlite`);
  try {
    copyOut(view, found, path);
    const log = view.lookup(`${found.path}-wal`);
    if (log?.entry.type === 'file' && log.entry.size <= MAX_DATABASE_BYTES) copyOut(view, log, `${path}-wal`);
    using db = new DatabaseSync(path, { allowExtension: false });
    // Only rows of a real table are read: the file may be anybody's.
    db.exec('PRAGMA trusted_schema = OFF');
    const isTable = db
      .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'Packages' AND type = 'table'")
      .get();
    if (isTable === undefined) throw new UnreadableError('it has no table of packages');
    for (const { blob } of db.prepare('SELECT blob FROM Packages ORDER BY hnum').iterate()) {
      if (blob instanceof Uint8Array) yield Buffer.from(blob);
    }
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  }
}

function copyOut(view: RootfsView, found: Found, path: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    for (const chunk of view.read(found)) {
      for (let at = 0; at < chunk.byteLength; ) at += writeSync(file, chunk, at);
    }
  } finally {
    closeSync(file);
  }
}

/** Keys that packages are signed with are in the database too. */
function packageOf(header: RpmHeader, path: string, { os }: Reading): Package | undefined {
  const {
    name,
    version: upstream,
    release,
    epoch,
    arch,
    source,
    license,
    summary,
    vendor,
    homepage,
  } = header;
  if (name === undefined || upstream === undefined || name === 'gpg-pubkey') return undefined;
  const plain = release === undefined ? upstream : `${upstream}-${release}`;
  const version = epoch === undefined || epoch === '0' ? plain : `${epoch}:${plain}`;
  const qualifiers = { arch, distro: distroOf(os), epoch, upstream: source };
  return {
    url: {
      type: 'rpm',
      namespace: os?.id === 'rhel' ? 'redhat' : (os?.id ?? ''),
      name,
      version: plain,
      qualifiers,
    },
    name,
    version,
    ...(license && { license }),
    ...(vendor && { supplier: `Organization: ${vendor}` }),
    ...(homepage && { homepage }),
    ...(summary && { summary }),
    path,
  };
}
