import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lgetxattr, lsetxattr } from '../../src/linux/index.js';
import { isMountPoint } from '../../src/runtime/own-mounts.js';
import { RuntimeDatabase } from '../../src/runtime/runtime-database.js';
import {
  copyUp,
  type MountsHostConfig,
  prepareVolumes,
  resolveMounts,
  specMounts,
  Volumes,
} from '../../src/runtime/volumes/index.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { busyboxRoot, runContainer } from './runc-container.js';

let folder: TemporaryFolder;
let rootfs: string;
let db: RuntimeDatabase;
let volumes: Volumes;

beforeEach(async () => {
  folder = await temporaryFolder('mounts');
  rootfs = await busyboxRoot(folder.path);
  db = new RuntimeDatabase(folder.path);
  volumes = new Volumes(db, { directory: join(folder.path, 'volumes') });
});
afterEach(async () => {
  await volumes.reconcile([]);
  db.close();
  await folder[Symbol.asyncDispose]();
});

/** Runs a script in a container that has these mounts. @returns what it printed. */
async function sees(
  script: string,
  hostConfig: MountsHostConfig,
  image: Readonly<Record<string, object>> = {},
  container = 'c1',
): Promise<string> {
  const points = resolveMounts({ container, hostConfig, volumes: image, mountsOf: () => [] }, volumes);
  using prepared = await prepareVolumes(points, { container, volumes });
  await copyUp(points, { rootfs, volumes });
  const placed = specMounts(points, { rootfs, prepared });
  return await runContainer({ folder: folder.path, rootfs, script, mounts: placed.mounts });
}

it('a new volume has what the image has there: owners, modes, attributes, links; and keeps what is changed', async () => {
  const data = join(rootfs, 'data');
  mkdirSync(join(data, 'sub'), { recursive: true });
  writeFileSync(join(data, 'file'), 'content');
  linkSync(join(data, 'file'), join(data, 'hard'));
  symlinkSync('/etc/passwd', join(data, 'link'));
  lsetxattr(join(data, 'file'), 'user.note', Buffer.from('kept'));
  chownSync(join(data, 'file'), 1000, 1001);
  chmodSync(join(data, 'file'), 0o4750);
  chownSync(data, 7, 8);
  chmodSync(data, 0o2770);
  expect(
    await sees('cat /data/hard; rm /data/sub -r; stat -c " %u:%g %a" /data', { Binds: ['v1:/data'] }),
  ).toBe('content 7:8 2770\n');
  const { mountpoint } = volumes.get('v1');
  const file = join(mountpoint, 'file');
  const { uid, gid, mode, nlink } = lstatSync(file);
  expect([uid, gid, mode & 0o7777, nlink]).toEqual([1000, 1001, 0o4750, 2]);
  expect(lgetxattr(file, 'user.note')?.toString()).toBe('kept');
  expect(lstatSync(join(mountpoint, 'link')).isSymbolicLink()).toBe(true);
  // Not filled again.
  expect(await sees('ls /data', { Binds: ['v1:/data'] }, {}, 'c2')).toBe('file\nhard\nlink\n');
  expect(await sees('ls /data', { Binds: ['v2:/data:nocopy'] })).toBe('');
  // A volume of the image, and one of --mount.
  const Mounts = [{ Type: 'volume', Source: 'v3', Target: '/new' }];
  expect(await sees('ls /data /new', { Mounts }, { '/data': {} })).toMatch(/file\n(.|\n)*\/new:\n$/);
});

it('a hostile image leads nowhere: links in it are followed inside of it', async () => {
  const secret = join(folder.path, 'secret');
  mkdirSync(secret);
  writeFileSync(join(secret, 'key'), 'secret');
  symlinkSync(secret, join(rootfs, 'data'));
  symlinkSync(`../../../../../../..${secret}`, join(rootfs, 'up'));
  const listed = await sees('ls /data/ /up/; echo x > /data/mine; echo x > /up/mine', {
    Binds: ['v1:/data', 'v2:/up'],
  });
  expect(listed).not.toContain('key');
  expect(lstatSync(join(secret, 'key')).size).toBe(6);
  expect(lstatSync(join(secret, 'mine'), { throwIfNoEntry: false })).toBeUndefined();
  writeFileSync(join(rootfs, 'plain'), '');
  await expect(sees('true', { Binds: ['v3:/plain'] })).rejects.toThrow(
    'cannot mount volume over existing file',
  );
});

it('mounts of all kinds are seen, parents first', async () => {
  const host = join(folder.path, 'host');
  mkdirSync(join(host, 'inner'), { recursive: true });
  writeFileSync(join(host, 'file'), 'of the machine');
  chmodSync(join(rootfs, 'tmp'), 0o1777);
  const script = `cat /ro/file; echo; cat /one
    touch /ro/x 2>&1; touch /rw/x && echo written
    stat -c '%a' /tmp /mem; df -k /mem | tail -1 | awk '{ print $2 }'
    ls /rw /rw/inner /rw/inner/deep`;
  const printed = await sees(script, {
    Binds: [
      `${host}/inner:/rw/inner/deep`,
      'mid:/rw/inner',
      `${host}:/rw`,
      `${host}:/ro:ro`,
      `${host}/file:/one`,
    ],
    Tmpfs: { '/tmp': '' },
    Mounts: [{ Type: 'tmpfs', Target: '/mem', TmpfsOptions: { SizeBytes: 1024 * 1024, Mode: 0o711 } }],
  });
  expect(printed).toBe(`of the machine
of the machinetouch: /ro/x: Read-only file system
written
1777
711
1024
/rw:
file
inner
x

/rw/inner:
deep

/rw/inner/deep:
`);
});

it('a directory that is missing is made for -v, and refused for --mount', async () => {
  const [made, missing] = [join(folder.path, 'made/deep'), join(folder.path, 'missing')];
  expect(await sees('ls -d /c', { Binds: [`${made}:/c`] })).toBe('/c\n');
  expect(lstatSync(made).isDirectory()).toBe(true);
  const Mounts = [{ Type: 'bind', Source: missing, Target: '/c' }];
  await expect(sees('true', { Mounts })).rejects.toThrow(`bind source path does not exist: ${missing}`);
  await expect(sees('true', { Binds: [`${made}:/etc/passwd`] })).rejects.toThrow(
    'which is a file in the image',
  );
});

it('a subpath of a volume is mounted, unless it leads over a link', async () => {
  const { mountpoint } = volumes.create({ Name: 'v1' });
  mkdirSync(join(mountpoint, 'a/b'), { recursive: true });
  writeFileSync(join(mountpoint, 'a/b/file'), 'inside');
  symlinkSync('/etc', join(mountpoint, 'link'));
  const at = (Subpath: string, Target = '/c') => ({
    Mounts: [{ Type: 'volume', Source: 'v1', Target, VolumeOptions: { Subpath } }],
  });
  expect(await sees('cat /c/file', at('a/b'))).toBe('inside');
  expect(await sees('cat /f', at('./a/b/file', '/f'))).toBe('inside');
  await expect(sees('true', at('link'))).rejects.toThrow('link is a symbolic link');
  await expect(sees('true', at('a/no'))).rejects.toThrow('no such file or directory');
  volumes.release('c1');
  await volumes.remove('v1');
});

it('volumes with options are mounted while a container needs them', async () => {
  const host = join(folder.path, 'host');
  mkdirSync(host);
  writeFileSync(join(host, 'file'), 'mine');
  mkdirSync(join(rootfs, 'data'));
  writeFileSync(join(rootfs, 'data/seed'), '');
  const memory = { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=5' };
  const { mountpoint } = volumes.create({ Name: 'memory', DriverOpts: memory });
  volumes.create({ Name: 'host', DriverOpts: { type: 'none', device: host, o: 'bind' } });
  const Binds = ['memory:/m', 'host:/data'];
  await sees('echo kept > /m/file; cat /data/file', { Binds });
  expect(await sees('cat /m/file; stat -c %u /m', { Binds }, {}, 'c2')).toBe('kept\n5\n');
  volumes.unmount('c1');
  expect(isMountPoint(mountpoint)).toBe(true);
  volumes.unmount('c2');
  expect(isMountPoint(mountpoint)).toBe(false);
  await volumes.reconcile([]);
  await volumes.prune({ all: ['true'] });
  expect(readFileSync(join(host, 'file'), 'utf8')).toBe('mine');
  volumes.create({ Name: 'odd', DriverOpts: { type: 'nosuchfs', device: 'x' } });
  await expect(sees('true', { Binds: ['odd:/c'] })).rejects.toThrow(
    'cannot mount the volume odd (type=nosuchfs',
  );
});

it('what somebody else has mounted in a volume keeps it from being removed', async () => {
  const { mountpoint } = volumes.create({ Name: 'v1' });
  await run(['mount', '-t', 'tmpfs', 'tmpfs', mountpoint]);
  try {
    await expect(volumes.remove('v1')).rejects.toThrow('something is mounted in');
  } finally {
    await run(['umount', mountpoint]);
  }
  await volumes.remove('v1');
});
