import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuntimeDatabase } from '../../../src/runtime/runtime-database.js';
import {
  inspectMounts,
  type MountPoint,
  resolveMounts,
  Volumes,
  type WantedMounts,
} from '../../../src/runtime/volumes/index.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
let db: RuntimeDatabase;
let volumes: Volumes;

beforeEach(async () => {
  folder = await temporaryFolder();
  db = new RuntimeDatabase(folder.path);
  volumes = new Volumes(db, { directory: join(folder.path, 'volumes') });
});
afterEach(async () => {
  db.close();
  await folder[Symbol.asyncDispose]();
});

const resolve = (hostConfig: WantedMounts['hostConfig'], more: Partial<WantedMounts> = {}): MountPoint[] =>
  resolveMounts({ container: 'c1', hostConfig, mountsOf: () => [], ...more }, volumes);
const inspect = (...args: Parameters<typeof resolve>) => inspectMounts(resolve(...args));

describe('HostConfig.Binds', () => {
  const bind = { Type: 'bind', Source: '/h', Destination: '/c', Mode: '', RW: true, Propagation: 'rprivate' };
  const volume = {
    Type: 'volume',
    Name: 'data',
    Destination: '/c',
    Driver: 'local',
    RW: true,
    Propagation: '',
  };
  it.each([
    { text: '/h:/c', expected: bind },
    { text: '/h/:/c/', expected: bind },
    { text: '/h/../h:/c/.', expected: bind },
    { text: '/h:/c:ro', expected: { ...bind, Mode: 'ro', RW: false } },
    {
      text: '/h:/c:ro,Z,rslave',
      expected: { ...bind, Mode: 'ro,Z,rslave', RW: false, Propagation: 'rslave' },
    },
    { text: '/h:/c:cached', expected: { ...bind, Mode: 'cached' } },
    { text: 'data:/c', expected: { ...volume, Mode: 'z' } },
    { text: 'data:/c:ro,nocopy', expected: { ...volume, Mode: 'ro,nocopy', RW: false } },
  ])('$text is shown as docker does', ({ text, expected }) =>
    expect(inspect({ Binds: [text] })).toEqual([expect.objectContaining(expected)]),
  );

  it.each([
    { text: ':/c', message: "invalid volume specification: ':/c': " },
    { text: '/h:/c:ro:x', message: "invalid volume specification: '/h:/c:ro:x': " },
    { text: '/c:ro', message: 'a mode needs a source and a target' },
    { text: '/h:/c:ro,rw', message: 'invalid mode: ro,rw' },
    { text: '/h:/c:wrong', message: 'invalid mode: wrong' },
    { text: '/h:c', message: "invalid mount path: 'c' mount path must be absolute" },
    { text: '/h:/', message: "invalid specification: destination can't be '/'" },
    { text: '/h:/x/..', message: "invalid specification: destination can't be '/'" },
    { text: './h:/c', message: 'If you intended to pass a host directory, use absolute path' },
    { text: 'x:/c', message: 'volume name is too short' },
  ])('$text is refused', ({ text, message }) => expect(() => resolve({ Binds: [text] })).toThrow(message));
});

describe('HostConfig.Mounts', () => {
  it.each([
    {
      mount: { Type: 'bind', Source: '/h', Target: '/c', ReadOnly: true },
      expected: {
        Type: 'bind',
        Source: '/h',
        Destination: '/c',
        Mode: '',
        RW: false,
        Propagation: 'rprivate',
      },
    },
    {
      mount: { Type: 'volume', Source: 'data', Target: '/c' },
      expected: { Type: 'volume', Name: 'data', Destination: '/c', Mode: 'z', RW: true },
    },
    {
      mount: { Type: 'tmpfs', Target: '/c', TmpfsOptions: { SizeBytes: 4096, Mode: 0o700 } },
      expected: { Type: 'tmpfs', Source: '', Destination: '/c', Mode: '', RW: true, Propagation: '' },
    },
  ])('of type $mount.Type', ({ mount, expected }) =>
    expect(inspect({ Mounts: [mount] })).toEqual([expect.objectContaining(expected)]),
  );

  it.each([
    { mount: { Type: 'bind', Target: '/c' }, message: 'field Source must not be empty' },
    {
      mount: { Type: 'bind', Source: '/h' },
      message: 'invalid mount config for type "bind": field Target must not',
    },
    { mount: { Type: 'bind', Source: 'h', Target: '/c' }, message: "'h' mount path must be absolute" },
    {
      mount: { Type: 'bind', Source: '/h', Target: '/c', BindOptions: { Propagation: 'odd' } },
      message: 'invalid propagation mode: odd',
    },
    { mount: { Type: 'volume', Target: '/c', ReadOnly: true }, message: 'must not set ReadOnly mode' },
    {
      mount: { Type: 'volume', Source: 'data', Target: '/c', VolumeOptions: { Subpath: 'a/../../b' } },
      message: 'subpath must be a relative path within the volume',
    },
    {
      mount: { Type: 'volume', Target: '/c', BindOptions: {} },
      message: 'field BindOptions must not be specified',
    },
    { mount: { Type: 'tmpfs', Source: 'x', Target: '/c' }, message: 'field Source must not be specified' },
    { mount: { Type: 'image', Target: '/c' }, message: 'mount type unknown' },
  ])('refuses $mount', ({ mount, message }) => expect(() => resolve({ Mounts: [mount] })).toThrow(message));
});

describe('resolveMounts', () => {
  it('takes one mount for a place', () => {
    const Mounts = [{ Type: 'tmpfs', Target: '/c' }];
    expect(() => resolve({ Binds: ['/a:/c', '/b:/c/'] })).toThrow('Duplicate mount point: /c');
    expect(() => resolve({ Binds: ['/a:/c'], Mounts })).toThrow('Duplicate mount point: /c');
    expect(() => resolve({ Binds: ['/a:/c'], Tmpfs: { '/c': '' } })).toThrow('Duplicate mount point: /c');
  });

  it('prefers what is asked for to what another container has, and that to volumes of the image', () => {
    const others = resolve({ Binds: ['theirs:/a', '/h:/b', 'third:/d:ro'] }, { container: 'other' });
    const mounts = inspect(
      { Binds: ['ours:/a'], VolumesFrom: ['other:ro'], Tmpfs: { '/t': 'size=1m' } },
      { mountsOf: () => others, volumes: { '/b': {}, '/t': {}, '/e': {} } },
    );
    expect(
      Object.fromEntries(mounts.map(({ Destination, Type, RW }) => [Destination, `${Type} ${RW}`])),
    ).toEqual({
      '/a': 'volume true',
      '/b': 'bind false',
      '/d': 'volume false',
      '/e': 'volume true',
    });
    expect(mounts.find(({ Destination }) => Destination === '/e')?.Name).toMatch(/^[0-9a-f]{64}$/);
    expect(volumes.usersOf('third')).toEqual(['c1', 'other']);
    expect(volumes.usersOf('theirs')).toEqual(['other']);
  });

  it('makes no volume for mounts that are refused', () => {
    expect(() => resolve({ Binds: ['fine:/a', 'not fine:/b'] })).toThrow('invalid characters');
    expect(() => resolve({ Binds: ['fine:/a'], VolumesFrom: ['x:nocopy'] })).toThrow('invalid mode: nocopy');
    expect(volumes.list()).toEqual([]);
  });

  it('says that labels of SELinux are not changed', () => {
    const notices: string[] = [];
    resolve({ Binds: ['/h:/c:Z'] }, { onNotice: (text) => notices.push(text) });
    expect(notices).toEqual([expect.stringContaining('z and Z are ignored')]);
  });

  it.each([
    { options: 'size=64m,exec', refused: false },
    { options: 'mode=1777,uid=5,ro,noatime', refused: false },
    { options: 'sizes=1', refused: true },
    { options: 'size', refused: true },
    { options: 'bind', refused: true },
  ])('takes tmpfs options as tmpfs has them: $options', ({ options, refused }) => {
    const attempt = () => resolve({ Tmpfs: { '/c': options } });
    if (refused) expect(attempt).toThrow('invalid tmpfs option');
    else expect(attempt()).toEqual([expect.objectContaining({ options })]);
  });
});
