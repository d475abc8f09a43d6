import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from '../support/run.js';
import { scan } from './scan.js';

const DEBIAN = 'PRETTY_NAME="Debian 12"\nID=debian\nVERSION_ID="12"\n';

describe('the packages of a root filesystem', () => {
  it('are those of dpkg that are installed', async () => {
    const found = await scan({
      'usr/lib/os-release': DEBIAN,
      'etc/os-release': '-> ../usr/lib/os-release',
      'var/lib/dpkg/status': `Package: bash
Status: install ok installed
Maintainer: Matthias Klose <doko@debian.org>
Architecture: amd64
Version: 5.2.15-2+b2
Homepage: http://tiswww.case.edu/php/chet/bash/bashtop.html
Description: GNU Bourne Again SHell
 Homepage: not this one

Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 1:2.36

Package: gone
Status: deinstall ok config-files
Version: 1
`,
    });
    expect(found.os).toEqual({ id: 'debian', version: '12', name: 'Debian 12' });
    expect(found.purls).toEqual([
      'pkg:deb/debian/bash@5.2.15-2%2Bb2?arch=amd64&distro=debian-12',
      'pkg:deb/debian/libc6@1:2.36?arch=amd64&distro=debian-12&upstream=glibc%402.36-9',
    ]);
    expect(found.packages[0]).toMatchObject({
      supplier: 'Person: Matthias Klose (doko@debian.org)',
      homepage: 'http://tiswww.case.edu/php/chet/bash/bashtop.html',
      summary: 'GNU Bourne Again SHell',
    });
  });

  it('are found without dpkg too', async () => {
    const stanza = 'Package: tzdata\nVersion: 2024a\nArchitecture: all\n';
    const found = await scan({
      'var/lib/dpkg/status.d/tzdata': stanza,
      'var/lib/dpkg/status.d/tzdata.md5sums': 'Package: wrong\nVersion: 1\n',
    });
    expect(found.purls).toEqual(['pkg:deb/debian/tzdata@2024a?arch=all']);
  });

  it.runIf(existsSync('/var/lib/dpkg/status'))('are as many as dpkg itself counts', async () => {
    const { packages } = await scan({ 'var/lib/dpkg/status': readFileSync('/var/lib/dpkg/status') });
    const listed = await run(['dpkg-query', '-W', '-f', `\${db:Status-Status} \${Package} \${Version}\n`]);
    const installed = listed.split('\n').flatMap((line) => /^installed (.*)$/.exec(line)?.[1] ?? []);
    expect(new Set(packages.map(({ name, version }) => `${name} ${version}`))).toEqual(new Set(installed));
  });

  it('are those of apk', async () => {
    const found = await scan({
      'etc/os-release': 'ID=alpine\nVERSION_ID=3.20.1\n',
      'lib/apk/db/installed': `C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
T:the musl c library (libc) implementation
U:https://musl.libc.org/
L:MIT
o:musl
m:Timo Teras <timo@alpinelinux.org>
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:ssl_client
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox
`,
    });
    expect(found.purls).toEqual([
      'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1',
      'pkg:apk/alpine/ssl_client@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1&upstream=busybox',
    ]);
    expect(found.packages[0]?.license).toBe('MIT');
  });

  it('are those that npm has installed, each once', async () => {
    const one = JSON.stringify({
      name: 'left-pad',
      version: '1.3.0',
      license: 'WTFPL',
      author: { name: 'azer' },
      homepage: 'https://example.com/left-pad',
    });
    const found = await scan({
      'app/package.json': '{"name":"app","version":"0.0.1"}',
      'app/package-lock.json': '{"packages":{"node_modules/other":{"version":"1.0.0"}}}',
      'app/node_modules/left-pad/package.json': one,
      'app/node_modules/left-pad/test/package.json': '{"name":"fixture","version":"9"}',
      'app/node_modules/a/node_modules/left-pad/package.json': one,
      'app/node_modules/@scope/b/package.json':
        '{"name":"@scope/b","version":"2.0.0","licenses":[{"type":"MIT"},{"type":"ISC"}]}',
      'app/node_modules/broken/package.json': '{',
    });
    expect(found.purls).toEqual(['pkg:npm/%40scope/b@2.0.0', 'pkg:npm/left-pad@1.3.0']);
    expect(found.packages[0]?.license).toBe('MIT OR ISC');
    expect(found.packages[1]).toMatchObject({
      license: 'WTFPL',
      supplier: 'Person: azer',
      paths: [
        'app/node_modules/a/node_modules/left-pad/package.json',
        'app/node_modules/left-pad/package.json',
      ],
    });
    expect(found.unreadable).toEqual([
      '/app/node_modules/broken/package.json is package.json of an npm package, and cannot be read: it is not JSON',
    ]);
  });

  it.each([
    {
      version: 3,
      lock: {
        packages: {
          '': { name: 'app', version: '1.0.0' },
          'node_modules/@s/a': { version: '1.0.0', integrity: 'sha512-AAEC', license: 'MIT' },
          'node_modules/a/node_modules/b': { version: '2.0.0' },
          'node_modules/dev': { version: '3.0.0', dev: true },
          'node_modules/linked': { resolved: 'packages/x', link: true },
        },
      },
    },
    {
      version: 1,
      lock: {
        dependencies: {
          '@s/a': { version: '1.0.0', integrity: 'sha512-AAEC', dependencies: { b: { version: '2.0.0' } } },
          dev: { version: '3.0.0', dev: true },
        },
      },
    },
  ])('are those of a lock file of version $version that lies alone', async ({ lock }) => {
    const found = await scan({ 'srv/package-lock.json': JSON.stringify(lock) });
    expect(found.purls).toEqual(['pkg:npm/%40s/a@1.0.0', 'pkg:npm/b@2.0.0']);
    expect(found.packages[0]?.checksum).toEqual({ algorithm: 'SHA512', value: '000102' });
  });

  it('are those that pip and setuptools have installed', async () => {
    const found = await scan({
      'usr/lib/python3/site-packages/Zope.Interface-6.0.dist-info/METADATA':
        'Metadata-Version: 2.1\nName: Zope.Interface\nVersion: 6.0\nLicense: UNKNOWN\nAuthor: Zope\n\nVersion: 9\n',
      'usr/lib/python3/dist-packages/old-1.egg-info': 'Name: old\nVersion: 1\nLicense: BSD\n',
    });
    expect(found.purls).toEqual(['pkg:pypi/old@1', 'pkg:pypi/zope-interface@6.0']);
    expect(found.packages.map(({ license }) => license)).toEqual(['BSD', undefined]);
  });

  it('are the modules in a program of Go', async () => {
    // TypeScript's compiler, which our own checks run, is one.
    const arch = process.arch;
    const path = new URL(`../../node_modules/@typescript/typescript-linux-${arch}/lib/tsc`, import.meta.url)
      .pathname;
    const found = await scan({ 'bin/tool': readFileSync(path), 'bin/other': Buffer.alloc(300_000, 'x') });
    expect(found.purls).toContainEqual(expect.stringMatching(/^pkg:golang\/stdlib@1\.\d+/));
    expect(found.purls).toContainEqual(
      expect.stringMatching(/^pkg:golang\/github\.com\/microsoft\/typescript-go@v/),
    );
    expect(found.purls).toContainEqual(expect.stringMatching(/^pkg:golang\/golang\.org\/x\/sys@v0\./));
    expect(found.unreadable).toEqual([]);
  });

  it.each([
    { path: 'var/lib/rpm/Packages', why: 'it is in an older format than SQLite' },
    { path: 'var/lib/rpm/rpmdb.sqlite', why: 'file is not a database' },
    { path: 'usr/lib/sysimage/rpm/Packages.db', why: 'it is in an older format than SQLite' },
  ])('are missing, with a word, where $path is of no use', async ({ path, why }) => {
    const { packages, unreadable } = await scan({ [path]: 'x'.repeat(10_000) });
    expect(packages).toEqual([]);
    expect(unreadable).toEqual([
      expect.stringContaining(`/${path} is the database of rpm, and cannot be read: ${why}`),
    ]);
  });
});
