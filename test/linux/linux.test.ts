import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  canCallLinux,
  flock,
  LinuxError,
  lgetxattr,
  llistxattr,
  lremovexattr,
  lsetxattr,
  lutimes,
  MOUNT_FLAGS,
  makeDevice,
  makeDirectories,
  makeFifo,
  mount,
  tryFlock,
  UMOUNT_FLAGS,
  umount,
} from '../../src/linux/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
const at = (name: string) => join(folder.path, name);
const isRoot = process.geteuid?.() === 0;

beforeAll(async () => {
  folder = await temporaryFolder();
  writeFileSync(at('file'), 'x');
  symlinkSync('nowhere', at('link'));
});
afterAll(() => folder[Symbol.asyncDispose]());

it('is there', () => expect(canCallLinux()).toBe(true));

describe('extended attributes', () => {
  it('hold any bytes', () => {
    const value = Buffer.from([0, 255, 10, 0]);
    lsetxattr(at('file'), 'user.b', value);
    lsetxattr(at('file'), 'user.a', Buffer.alloc(2000, 7));
    lsetxattr(at('file'), 'user.empty', Buffer.alloc(0));
    expect(lgetxattr(at('file'), 'user.b')).toEqual(value);
    expect(lgetxattr(at('file'), 'user.a')?.length).toBe(2000);
    expect(lgetxattr(at('file'), 'user.empty')).toEqual(Buffer.alloc(0));
    expect(llistxattr(at('file')).filter((name) => name.startsWith('user.'))).toEqual([
      'user.a',
      'user.b',
      'user.empty',
    ]);
    lremovexattr(at('file'), 'user.b');
    lremovexattr(at('file'), 'user.b');
    expect(lgetxattr(at('file'), 'user.b')).toBeUndefined();
  });

  it('are found on files whose names are no UTF-8', () => {
    const path = Buffer.concat([Buffer.from(at('bytes-')), Buffer.of(0xff)]);
    writeFileSync(path, '');
    lsetxattr(path, 'user.a', Buffer.from('1'));
    expect(lgetxattr(path, 'user.a')?.toString()).toBe('1');
  });

  it('say which call failed, on what, and how', () => {
    expect(() => lgetxattr(at('missing'), 'user.a')).toThrow(
      expect.objectContaining({ code: 'ENOENT', syscall: 'lgetxattr' }),
    );
    expect(() => llistxattr(at('missing'))).toThrow(LinuxError);
    expect(() => lsetxattr(at('link'), 'user.a', Buffer.of(1))).toThrow(
      /lsetxattr failed on ".*link": E(PERM|ACCES)/,
    );
    expect(() => lgetxattr('a\0b', 'user.a')).toThrow('zero byte');
  });
});

describe('nodes', () => {
  it('are pipes, and marks of deletion without privilege', () => {
    makeFifo(at('pipe'), 0o640);
    expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
    makeDevice(at('whiteout'), { type: 'character', permissions: 0, major: 0, minor: 0 });
    expect(lstatSync(at('whiteout')).rdev).toBe(0);
  });

  it.skipIf(!isRoot)('are devices with large numbers', () => {
    makeDevice(at('device'), { type: 'block', permissions: 0o600, major: 4095, minor: 1_000_000 });
    const device = BigInt(lstatSync(at('device')).rdev);
    expect([(device >> 8n) & 0xfffn, (device & 0xffn) | ((device >> 12n) & 0xfff00n)]).toEqual([
      4095n,
      1_000_000n,
    ]);
  });

  it('get their times to the nanosecond, links themselves', () => {
    lutimes(at('link'), { seconds: 1_700_000_000, nanoseconds: 123_456_789 });
    expect(lstatSync(at('link'), { bigint: true }).mtimeNs).toBe(1_700_000_000_123_456_789n);
    lutimes(at('file'), { seconds: -5, nanoseconds: 1 });
    expect(lstatSync(at('file'), { bigint: true }).mtimeNs).toBe(-4_999_999_999n);
  });
});

describe('locks', () => {
  it('keep others out until the file is closed', async () => {
    const [first, second] = [openSync(at('file'), 'r'), openSync(at('file'), 'r')];
    expect(tryFlock(first, 'exclusive')).toBe(true);
    expect(tryFlock(second, 'shared')).toBe(false);
    expect(await flock(second, 'shared', { wait: false })).toBe(false);
    const waiting = flock(second, 'exclusive');
    closeSync(first);
    expect(await waiting).toBe(true);
    closeSync(second);
  });

  it('can be given up waiting for', async () => {
    const [first, second] = [openSync(at('file'), 'r'), openSync(at('file'), 'r')];
    tryFlock(first, 'exclusive');
    await expect(flock(second, 'shared', { signal: AbortSignal.timeout(30) })).rejects.toThrow();
    closeSync(first);
    closeSync(second);
  });
});

describe.skipIf(!isRoot)('mounts', () => {
  it('come and go', () => {
    mkdirSync(at('mountpoint'));
    mount('tmpfs', at('mountpoint'), 'tmpfs', MOUNT_FLAGS.noSuid | MOUNT_FLAGS.noDevices, 'size=1m');
    writeFileSync(at('mountpoint/inside'), '');
    umount(at('mountpoint'), UMOUNT_FLAGS.detach);
    expect(readdirSync(at('mountpoint'))).toEqual([]);
  });

  it('say why they fail', () => {
    expect(() => mount('x', at('nowhere'), 'tmpfs', 0)).toThrow(/mount failed on ".*nowhere": ENOENT/);
    expect(() => mount('x', at('file'), 'nosuchfs', 0)).toThrow('ENODEV (the kernel does not know');
    expect(() => mount('x', at('file'), 'tmpfs', 0, 'x'.repeat(5000))).toThrow(RangeError);
  });
});

describe('makeDirectories', () => {
  it('makes those above, too, with the same mode', async () => {
    await using folder = await temporaryFolder();
    makeDirectories(join(folder.path, 'a/b'), 0o711);
    makeDirectories(join(folder.path, 'a/b/c'), 0o700);
    const modes = ['a', 'a/b', 'a/b/c'].map((path) => statSync(join(folder.path, path)).mode & 0o777);
    expect(modes).toEqual([0o711, 0o711, 0o700]);
  });

  it.each([
    { path: '/proc/nothing/can/be/made', code: 'ENOENT' },
    { path: '/dev/null/below', code: 'ENOTDIR' },
  ])('says at once that $path cannot be', ({ path, code }) =>
    expect(() => makeDirectories(path)).toThrow(expect.objectContaining({ code })),
  );
});
