import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { scan } from './scan.js';

/** Packages that are in no file system, but in the database of a real rpm. */
async function databaseOf(folder: string, count: number): Promise<string> {
  const place = join(folder, 'db');
  const defines = Object.entries({ _topdir: folder, _dbpath: place, _db_backend: 'sqlite' });
  const settings = defines.flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const names = Array.from({ length: count }, (_, i) => `tool-${i}`);
  const specs = names.map((name) => join(folder, `${name}.spec`));
  for (const [i, spec] of specs.entries()) {
    const epoch = i === 0 ? 'Epoch: 2\n' : '';
    await writeFile(
      spec,
      `Name: ${names[i]}\nVersion: 1.${i}\nRelease: 3.el9\n${epoch}Summary: a tool\nLicense: MIT\nVendor: Example
URL: https://example.com\nBuildArch: noarch\n%description\nA tool.\n%files\n`,
    );
  }
  await mkdir(place);
  await run(['rpmbuild', ...settings, '-bb', '--quiet', ...specs]);
  await run(['rpm', ...settings, '--initdb']);
  const built = names.map((name, i) => join(folder, `RPMS/noarch/${name}-1.${i}-3.el9.noarch.rpm`));
  await run(['rpm', ...settings, '--justdb', '--nodeps', '--noverify', '-i', ...built]);
  return place;
}

describe('the database of rpm', () => {
  it('is read as a real rpm makes it', async () => {
    await using folder = await temporaryFolder('rpm');
    const database = await databaseOf(folder.path, 3);
    const { packages, unreadable } = await scan({
      'etc/os-release': 'ID=fedora\nVERSION_ID=40\n',
      'var/lib/rpm/rpmdb.sqlite': await readFile(join(database, 'rpmdb.sqlite')),
    });
    expect(unreadable).toEqual([]);
    expect(packages.map(({ purl }) => purl)).toEqual([
      'pkg:rpm/fedora/tool-0@1.0-3.el9?arch=noarch&distro=fedora-40&epoch=2&upstream=tool-0-1.0-3.el9.src.rpm',
      'pkg:rpm/fedora/tool-1@1.1-3.el9?arch=noarch&distro=fedora-40&upstream=tool-1-1.1-3.el9.src.rpm',
      'pkg:rpm/fedora/tool-2@1.2-3.el9?arch=noarch&distro=fedora-40&upstream=tool-2-1.2-3.el9.src.rpm',
    ]);
    expect(packages[0]).toMatchObject({
      version: '2:1.0-3.el9',
      license: 'MIT',
      supplier: 'Organization: Example',
      homepage: 'https://example.com',
      summary: 'a tool',
    });
  });
});
