import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveInRoot } from '../../src/runtime/root-path.js';
import { findUser, textsOf } from '../../src/runtime/users.js';
import { run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const FILES = {
  '/etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'app:x:1000:1001:,,,:/srv/app:/bin/sh',
    '12:x:500:501::/twelve:',
    'homeless:x:7:7:::',
    'broken',
    'bad:x:many:1::/:',
  ].join('\n'),
  '/etc/group': 'root:x:0:\napp:x:1001:\nwheel:x:10:root,app\naudio:x:11:app\n9:x:600:\nlost:x::app\n',
};

describe('findUser', () => {
  it.each([
    { text: '', uid: 0, gid: 0, groups: [10], home: '/root' },
    { text: 'app', uid: 1000, gid: 1001, groups: [10, 11], home: '/srv/app' },
    { text: '1000', uid: 1000, gid: 1001, groups: [10, 11], home: '/srv/app' },
    { text: 'app:audio', uid: 1000, gid: 11, groups: [], home: '/srv/app' },
    { text: 'app:77', uid: 1000, gid: 77, groups: [], home: '/srv/app' },
    { text: '4000', uid: 4000, gid: 0, groups: [], home: '/' },
    { text: '4000:5000', uid: 4000, gid: 5000, groups: [], home: '/' },
    { text: '12', uid: 500, gid: 501, groups: [], home: '/twelve' }, // a name before a number
    { text: '12:9', uid: 500, gid: 600, groups: [], home: '/twelve' },
    { text: 'homeless', uid: 7, gid: 7, groups: [], home: '/' },
    { text: ':audio', uid: 0, gid: 11, groups: [], home: '/root' },
  ])('finds "$text"', ({ text, ...user }) => {
    expect(findUser(text, (path) => FILES[path])).toEqual(user);
  });

  it.each(['nobody', 'app:nobody', 'bad', '-1', '99999999999', '4294967295', 'root:lost'])(
    'refuses %s',
    (text) => {
      expect(() => findUser(text, (path) => FILES[path])).toThrow(
        expect.objectContaining({ name: 'UserNotFoundError' }),
      );
    },
  );

  it('needs no files for numbers, nor for root', () => {
    expect(findUser('', () => '')).toEqual({ uid: 0, gid: 0, groups: [], home: '/' });
    expect(findUser('5:6', () => '')).toEqual({ uid: 5, gid: 6, groups: [], home: '/' });
  });
});

describe('textsOf', () => {
  it('never reads outside of the root', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'root/etc'), { recursive: true });
    await writeFile(join(folder.path, 'passwd'), 'outside');
    await symlink('../../../../passwd', join(folder.path, 'root/etc/passwd'));
    const read = textsOf(join(folder.path, 'root'));
    expect([read('/etc/passwd'), read('/etc/group')]).toEqual(['', '']);
  });

  it.each([
    { what: 'a FIFO', make: (path: string) => run(['mkfifo', path]), why: 'is no file' },
    { what: 'a directory', make: (path: string) => mkdir(path), why: 'is no file' },
    {
      what: 'a link to what is waited for',
      make: (path: string) => symlink('../proc/kmsg', path),
      why: 'leads to /proc/kmsg',
    },
    {
      what: 'a link to what has no end',
      make: (path: string) => symlink('/dev/zero', path),
      why: 'leads to /dev/zero',
    },
    {
      what: 'huge',
      make: (path: string) => writeFile(path, '').then(() => truncate(path, 2 ** 40)),
      why: 'has more than 4194304 bytes',
    },
  ])('refuses what is $what', async ({ make, why }) => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'etc'));
    await make(join(folder.path, 'etc/group'));
    expect(() => textsOf(folder.path)('/etc/group')).toThrow(`its /etc/group ${why}`);
  });
});

describe('resolveInRoot', () => {
  it('follows links as in the container', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'root');
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    await symlink('usr/bin', join(root, 'bin'));
    await symlink('/bin/../etc', join(root, 'up'));
    await symlink('../../../../..', join(root, 'far'));
    await symlink('loop', join(root, 'loop'));
    const resolved = ['/bin/sh', '/up/x', '/far/y', '/../../z', '/', '/usr/./bin//new/deep'].map((path) =>
      resolveInRoot(root, path).slice(root.length),
    );
    expect(resolved).toEqual(['/usr/bin/sh', '/usr/etc/x', '/y', '/z', '', '/usr/bin/new/deep']);
    expect(() => resolveInRoot(root, '/loop')).toThrow('too many symbolic links');
  });
});
