import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { additionsOf, editsFor } from '../../src/runtime/cdi/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const FOO = `cdiVersion: "0.6.0"
kind: "vendor.com/device"
containerEdits:
  env: [COMMON=1]
devices:
- name: foo
  containerEdits:
    env: [FOO=injected]
- name: bar
  annotations: {org.mobyproject.buildkit.device.autoallow: "true"}
  containerEdits:
    env: [BAR=injected]
`;

let folder: TemporaryFolder;
let directories: string[];
beforeAll(async () => {
  folder = await temporaryFolder('cdi');
  directories = [join(folder.path, 'static'), join(folder.path, 'dynamic'), join(folder.path, 'nowhere')];
  for (const directory of directories.slice(0, 2)) await mkdir(directory);
  await writeFile(join(directories[0] ?? '', 'foo.yaml'), FOO);
  await writeFile(join(directories[0] ?? '', 'notes.txt'), 'kind: nothing');
  await writeFile(
    join(directories[0] ?? '', 'broken.json'),
    '{"cdiVersion":"1.1.0","kind":"vendor.com/net"}',
  );
  const moved = { cdiVersion: '0.5.0', kind: 'other.com/gpu', devices: [{ name: '0', containerEdits: {} }] };
  await writeFile(join(directories[0] ?? '', 'gpu.json'), JSON.stringify(moved));
  const newer = { ...moved, devices: [{ name: '0', containerEdits: { env: ['GPU=new'] } }] };
  await writeFile(join(directories[1] ?? '', 'gpu.json'), JSON.stringify(newer));
});
afterAll(() => folder[Symbol.asyncDispose]());

type Options = Readonly<{ allowed?: 'all' | readonly string[]; required?: boolean }>;

function variables(names: readonly string[], { allowed = 'all', required = true }: Options = {}) {
  const missing: string[] = [];
  const wanted = names.map((name) => ({ name, required }));
  const edits = editsFor({ wanted, allowed, directories }, (name) => missing.push(name));
  return { env: edits.flatMap(({ env = [] }) => env), missing };
}

describe('devices', () => {
  it.each([
    { names: ['vendor.com/device=foo'], env: ['COMMON=1', 'FOO=injected'] },
    { names: ['vendor.com/device'], env: ['COMMON=1', 'FOO=injected'] },
    { names: ['vendor.com/device=*'], env: ['COMMON=1', 'FOO=injected', 'BAR=injected'] },
    {
      names: ['vendor.com/device=bar', 'vendor.com/device=foo', 'vendor.com/device=bar'],
      env: ['COMMON=1', 'BAR=injected', 'FOO=injected'],
    },
    { names: ['other.com/gpu=0'], env: ['GPU=new'] },
  ])('are found by $names', ({ names, env }) => expect(variables(names).env).toEqual(env));

  it('may be missing, unless they are required', () => {
    expect(variables(['vendor.com/device=none'], { required: false })).toEqual({
      env: [],
      missing: ['vendor.com/device=none'],
    });
    expect(() => variables(['vendor.com/device=none'])).toThrow(
      /this machine has no device vendor\.com\/device=none: there are vendor\.com\/device=foo, .*; passed over: .*broken\.json: devices/,
    );
  });

  it.each([
    { allowed: ['vendor.com/device=foo'] },
    { allowed: ['vendor.com/device'] },
    { allowed: ['vendor.com/device=*'] },
    { allowed: 'all' as const },
  ])('may be had when $allowed is allowed', ({ allowed }) =>
    expect(variables(['vendor.com/device=foo'], { allowed }).env).toContain('FOO=injected'),
  );

  it('may not be had otherwise, unless they are for everybody', () => {
    expect(() =>
      variables(['vendor.com/device=foo'], { allowed: ['other.com/gpu'], required: false }),
    ).toThrow(
      'RUN --device=vendor.com/device=foo has to be allowed: build with --allow device=vendor.com/device=foo',
    );
    expect(variables(['vendor.com/device=bar'], { allowed: [] }).env).toContain('BAR=injected');
  });
});

describe('what a device does to a container', () => {
  const edits = [
    {
      deviceNodes: [
        { path: '/dev/nothing', hostPath: '/dev/null', permissions: 'rw' },
        { path: '/dev/card', type: 'c' as const, major: 226, minor: 300, fileMode: 0o660, gid: 44 },
      ],
      mounts: [
        { hostPath: '/usr/lib', containerPath: '/opt/lib' },
        { hostPath: '/etc/hostname', containerPath: '/opt/name', options: ['ro', 'nosuid'] },
      ],
      hooks: [{ hookName: 'createContainer' as const, path: '/bin/true', args: ['true'] }],
      additionalGids: [44, 0],
    },
    { hooks: [{ hookName: 'createContainer' as const, path: '/bin/false' }] },
  ];

  it('is what root can do', () => {
    expect(additionsOf(edits, { ids: 'machine' })).toEqual({
      env: [],
      groups: [44],
      devices: [
        { path: '/dev/nothing', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
        { path: '/dev/card', type: 'c', major: 226, minor: 300, fileMode: 0o660, uid: 0, gid: 44 },
      ],
      rules: [
        { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
        { allow: true, type: 'c', major: 226, minor: 300, access: 'rwm' },
      ],
      mounts: [
        {
          destination: '/opt/lib',
          type: 'bind',
          source: '/usr/lib',
          options: ['rbind', 'rprivate', 'ro', 'nosuid', 'nodev'],
        },
        {
          destination: '/opt/name',
          type: 'bind',
          source: '/etc/hostname',
          options: ['rbind', 'ro', 'nosuid'],
        },
      ],
      hooks: { createContainer: [{ path: '/bin/true', args: ['true'] }, { path: '/bin/false' }] },
    });
  });

  it('is to show what is there, where others cannot make devices', () => {
    const { devices, rules, mounts } = additionsOf(edits, { ids: 'range' });
    expect([devices, rules.length]).toEqual([[], 2]);
    expect(mounts[0]).toMatchObject({ destination: '/dev/nothing', source: '/dev/null', type: 'bind' });
  });

  it('is an error without the device', () => {
    const absent = [{ deviceNodes: [{ path: '/dev/absent' }] }];
    expect(() => additionsOf(absent, { ids: 'machine' })).toThrow('/dev/absent is not there');
  });
});
