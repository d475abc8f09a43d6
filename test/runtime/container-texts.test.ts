import { describe, expect, it } from 'vitest';
import { hostsFile, resolvConf } from '../../src/runtime/network-files.js';
import { usableOverlay } from '../../src/runtime/overlay.js';
import { startFailure } from '../../src/runtime/start-failure.js';
import { idInside, idOutside, largestRange, subordinateIDs } from '../../src/runtime/subordinate-ids.js';
import { readLimits, rlimits } from '../../src/runtime/ulimits.js';
import { forbiddenBy } from '../../src/runtime/user-namespace.js';

describe('hostsFile', () => {
  it('has the machine itself, the container, and what was added', () => {
    expect(hostsFile('box', ['a:10.0.0.1', 'b:[fe80::1]', 'c:::2']).split('\n')).toEqual([
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      '127.0.0.1\tbox',
      '10.0.0.1\ta',
      'fe80::1\tb',
      '::2\tc',
      '',
    ]);
  });
  it.each(['nothing', ':1.2.3.4', 'a:', 'a:1.2.3.4\n6.6.6.6 bank', 'a b:1.2.3.4'])('refuses %j', (pair) => {
    expect(() => hostsFile('box', [pair])).toThrow('write NAME:ADDRESS');
  });
});

describe('resolvConf', () => {
  const read = (own: string) => (path: string) =>
    path === '/etc/resolv.conf' ? own : 'nameserver 10.0.0.1\n';
  it.each([
    { own: 'nameserver 127.0.0.53\n', network: 'none', text: 'nameserver 10.0.0.1\n' },
    { own: 'nameserver 127.0.0.53\n', network: 'host', text: 'nameserver 127.0.0.53\n' },
    { own: 'nameserver 9.9.9.9\n', network: 'none', text: 'nameserver 9.9.9.9\n' },
    { own: '', network: 'none', text: '' },
  ] as const)('is $text for $own with network $network', ({ own, network, text }) => {
    expect(resolvConf(network, read(own))).toBe(text);
  });
});

describe('startFailure', () => {
  const runc = 'runc run failed: unable to start container process: ';
  it.each([
    { message: `${runc}exec: "foo": executable file not found in $PATH`, code: 127 },
    { message: `${runc}exec: "/foo": stat /foo: no such file or directory`, code: 127 },
    { message: `${runc}exec: "/etc/passwd": permission denied`, code: 126 },
    { message: `${runc}exec /x: exec format error`, code: 126 },
    { message: 'executable file `foo` not found in $PATH: No such file or directory', code: 127 },
    { message: 'open executable: Permission denied', code: 126 },
    { message: 'open executable: Operation not permitted', code: 126 },
    {
      message: 'exec failed: chdir to cwd ("/x") set in config.json failed: no such file or directory',
      code: 126,
    },
  ])('is $code for $message', ({ message, code }) => expect(startFailure(message)).toBe(code));

  it.each([
    `${runc}error during container init: error mounting "/x" to rootfs at "/y": no such file or directory`,
    'creating cgroup directory `/sys/fs/cgroup/x`: No such file or directory',
    'something else',
  ])('is an exception for %s', (message) =>
    expect(() => startFailure(message)).toThrow('cannot start a container'),
  );
});

describe('rlimits', () => {
  const limits = readLimits(
    [
      'Limit                     Soft Limit           Hard Limit           Units     ',
      'Max cpu time              unlimited            unlimited            seconds   ',
      'Max open files            1024                 20000                files     ',
      'Max core file size        0                    unlimited            bytes     ',
    ].join('\n'),
  );
  it('stay below our own hard limits', () => {
    const asked = [
      { name: 'nofile', soft: 30_000, hard: 40_000 },
      { name: 'core', soft: 0, hard: -1 },
    ];
    expect(rlimits(asked, { mayRaise: false, limits })).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 20_000, hard: 20_000 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 2 ** 64 },
    ]);
    expect(rlimits(asked, { mayRaise: true, limits })[0]).toMatchObject({ soft: 30_000, hard: 40_000 });
  });
  it('have names', () => {
    expect(() => rlimits([{ name: 'files', soft: 1, hard: 1 }], { mayRaise: false })).toThrow(
      'no ulimit "files"',
    );
  });
});

describe('largestRange', () => {
  it.each([
    { text: 'me:100000:65536\n', range: { first: 100_000, count: 65_536 } },
    { text: 'you:1:2\nme:5:10\n1000:20:30', range: { first: 20, count: 30 } },
    { text: '# me:1:2\nme:x:y\nme:7\n', range: undefined },
  ])('finds $range', ({ text, range }) => expect(largestRange(text, ['1000', 'me'])).toEqual(range));
});

describe('usableOverlay', () => {
  it.each([
    { ids: 'machine', linux: '4.19.0-27-amd64', kind: 'machine' },
    { ids: 'range', linux: '5.10.0-30-amd64', kind: 'fuse' },
    { ids: 'single', linux: '5.11', kind: 'user' },
    { ids: 'range', linux: '6.1.0-18-amd64', kind: 'user' },
  ] as const)('is $kind for $ids on $linux', ({ ids, linux, kind }) =>
    expect(usableOverlay(ids, linux)).toBe(kind),
  );
});

describe('subordinateIDs', () => {
  const files: Readonly<Record<string, string>> = {
    '/etc/subuid': 'me:100000:65536\nfew:300000:1000\n',
    '/etc/subgid': 'us:200000:70000\nme:400000:65536\n',
  };
  const read = (path: string) => files[path] ?? '';
  it.each([
    { owner: 'me', uids: { first: 100_000, count: 65_536 }, gids: { first: 400_000, count: 65_536 } },
    { owner: 'me:us', uids: { first: 100_000, count: 65_536 }, gids: { first: 200_000, count: 70_000 } },
  ])('are those of $owner', ({ owner, ...ids }) => expect(subordinateIDs(owner, read)).toEqual(ids));
  it.each([
    { owner: 'few', message: '65536 ids that /etc/subuid gives to few, and it gives 1000' },
    { owner: 'me:you', message: '65536 ids that /etc/subgid gives to you, and it gives none' },
  ])('are missing for $owner', ({ owner, message }) =>
    expect(() => subordinateIDs(owner, read)).toThrow(message),
  );
  it('are translated', () => {
    const range = { first: 100_000, count: 65_536 };
    expect([0, 99_999, 100_000, 165_535, 165_536].map((id) => idInside(range, id))).toEqual([
      65_534, 65_534, 0, 65_535, 65_534,
    ]);
    expect([0, 65_535].map((id) => idOutside(range, id))).toEqual([100_000, 165_535]);
    expect(() => idOutside(range, 65_536)).toThrow('the container has no id 65536');
  });
});

describe('forbiddenBy', () => {
  it.each([
    { path: '/proc/sys/user/max_user_namespaces', value: '0\n', hint: 'user.max_user_namespaces' },
    { path: '/proc/sys/kernel/unprivileged_userns_clone', value: '0\n', hint: 'unprivileged_userns_clone=1' },
    { path: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns', value: '1\n', hint: 'AppArmor' },
  ])('explains $path', ({ path, value, hint }) => {
    expect(forbiddenBy((name) => (name === path ? value : undefined))).toContain(hint);
  });
});
