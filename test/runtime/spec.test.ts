import { describe, expect, it } from 'vitest';
import { ALL_CAPABILITIES, ownCapabilities } from '../../src/runtime/capabilities.js';
import { seccompProfile } from '../../src/runtime/seccomp.js';
import {
  type ContainerOptions,
  containerSpec,
  type Surroundings,
  standardTargets,
} from '../../src/runtime/spec.js';
import { ownIDs } from '../../src/runtime/surroundings.js';

const OPTIONS: ContainerOptions = {
  rootfs: '/r',
  args: ['true'],
  env: ['A=1'],
  cwd: '/',
  user: { uid: 0, gid: 0, groups: [], home: '/root' },
  hostname: 'h',
  terminal: false,
  network: 'host',
  privileged: false,
  mounts: [],
  rlimits: [],
};
const MACHINE: Surroundings = { ids: 'machine', capabilities: new Set(ALL_CAPABILITIES), cgroups: 'v2' };
const USER: Surroundings = { ...MACHINE, ids: 'range', cgroups: 'none' };

const spec = (options: Partial<ContainerOptions> = {}, surroundings = MACHINE) =>
  containerSpec({ ...OPTIONS, ...options }, surroundings);
const mountAt = (made: ReturnType<typeof spec>, destination: string) =>
  made.mounts.find((mount) => mount.destination === destination);

describe('containerSpec', () => {
  it('fills in PATH and HOME, but overrides neither', () => {
    expect(spec().process.env).toEqual([expect.stringMatching(/^PATH=.*:\/bin$/), 'A=1', 'HOME=/root']);
    expect(spec({ env: ['PATH=/p', 'HOME='] }).process.env).toEqual(['PATH=/p', 'HOME=']);
  });

  it('has ids of its own in a namespace that has them', () => {
    const map = { uids: { first: 100_000, count: 65_536 }, gids: { first: 7, count: 8 } };
    const { linux } = spec({ ids: { map, userNamespace: '/proc/7/ns/user' } });
    expect(linux).toMatchObject({
      uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
      gidMappings: [{ containerID: 0, hostID: 7, size: 8 }],
      namespaces: expect.arrayContaining([{ type: 'user', path: '/proc/7/ns/user' }]),
    });
    expect(spec().linux).not.toHaveProperty('uidMappings');
  });

  it.each([
    { name: 'root of the machine', surroundings: MACHINE, count: 14, has: true },
    {
      name: 'root without cgroups',
      surroundings: { ...MACHINE, cgroups: 'none' as const },
      count: 13,
      has: false,
    },
    { name: 'an ordinary user', surroundings: USER, count: 14, has: true },
  ])('leaves making devices to $name: $has', ({ surroundings, count, has }) => {
    const { bounding } = spec({}, surroundings).process.capabilities;
    expect(bounding).toHaveLength(count);
    expect(bounding.includes('CAP_MKNOD')).toBe(has);
  });

  it('gives no capability that this process lacks', () => {
    const capabilities = new Set(['CAP_CHOWN', 'CAP_SYS_ADMIN']);
    expect(spec({}, { ...MACHINE, capabilities }).process.capabilities.bounding).toEqual(['CAP_CHOWN']);
    const { bounding } = spec({ privileged: true }, { ...MACHINE, capabilities }).process.capabilities;
    expect(bounding).toEqual(['CAP_CHOWN', 'CAP_SYS_ADMIN']);
  });

  it('hides the machine, except from the privileged', () => {
    expect(spec().linux.maskedPaths).toContain('/proc/kcore');
    expect(mountAt(spec(), '/sys')?.options).toContain('ro');
    const { linux, ...rest } = spec({ privileged: true });
    expect(linux).not.toHaveProperty('maskedPaths');
    expect(linux).not.toHaveProperty('seccomp');
    expect(linux.resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
    expect(rest.mounts.find(({ destination }) => destination === '/sys')?.options).not.toContain('ro');
  });

  it.each([
    { network: 'host' as const, surroundings: MACHINE, types: 'pid mount ipc uts cgroup', sys: 'sysfs' },
    {
      network: 'none' as const,
      surroundings: MACHINE,
      types: 'pid mount ipc uts network cgroup',
      sys: 'sysfs',
    },
    { network: 'none' as const, surroundings: USER, types: 'pid mount ipc uts network', sys: 'sysfs' },
    { network: 'host' as const, surroundings: USER, types: 'pid mount ipc uts', sys: 'none' },
  ])('has the namespaces $types', ({ network, surroundings, types, sys }) => {
    const made = spec({ network }, surroundings);
    expect(made.linux.namespaces.map(({ type }) => type).join(' ')).toBe(types);
    expect(mountAt(made, '/sys')?.type).toBe(sys);
  });

  it('sees only its own cgroups where it is asked to, or nobody asks and there are those of v2', () => {
    const types = (...made: Parameters<typeof spec>) =>
      spec(...made).linux.namespaces.map(({ type }) => type);
    expect(types({})).toContain('cgroup');
    expect(types({ ownCgroupNamespace: false })).not.toContain('cgroup');
    expect(types({}, { ...MACHINE, cgroups: 'v1' })).not.toContain('cgroup');
    expect(types({ ownCgroupNamespace: true }, { ...MACHINE, cgroups: 'v1' })).toContain('cgroup');
  });

  it('hands annotations on', () => {
    expect(spec({ annotations: { 'a.b': 'c' } }).annotations).toEqual({ 'a.b': 'c' });
    expect(spec()).not.toHaveProperty('annotations');
  });

  it('names no cgroup where none can be made, and no group that does not exist', () => {
    expect(spec({ cgroupsPath: '/berth/x' }).linux.cgroupsPath).toBe('/berth/x');
    expect(spec({}, USER).linux).not.toHaveProperty('cgroupsPath');
    expect(mountAt(spec({}, USER), '/sys/fs/cgroup')).toBeUndefined();
    expect(mountAt(spec({}, USER), '/dev/pts')?.options).toContain('gid=5');
    expect(mountAt(spec({}, { ...USER, ids: 'single' }), '/dev/pts')?.options).not.toContain('gid=5');
  });

  it('puts its own mounts first', () => {
    const mount = { destination: '/x', type: 'bind', source: '/y', options: [] };
    expect(spec({ mounts: [mount] }).mounts.at(-1)).toBe(mount);
    expect(mountAt(spec({ shmBytes: 5 }), '/dev/shm')?.options).toContain('size=5');
    expect(standardTargets(OPTIONS, MACHINE)).toEqual(['/proc', '/dev', '/sys']);
  });
});

describe('seccompProfile', () => {
  const allowed = (capabilities: readonly string[], architecture?: string) =>
    seccompProfile(capabilities, architecture)?.syscalls.find(({ names }) => names.includes('read'))?.names ??
    [];

  it('follows capabilities', () => {
    expect(allowed([], 'x64')).not.toContain('mount');
    expect(allowed(['CAP_SYS_ADMIN'], 'x64')).toEqual(expect.arrayContaining(['mount', 'clone', 'setns']));
    expect(allowed(['CAP_SYS_CHROOT'], 'x64')).toContain('chroot');
    expect(allowed([], 'x64')).not.toContain('io_uring_setup');
    const clone3 = seccompProfile([], 'x64')?.syscalls.find(({ names }) => names.includes('clone3'));
    expect(clone3).toEqual({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
  });

  it.each([
    {
      architecture: 'x64',
      names: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      call: 'arch_prctl',
    },
    { architecture: 'arm64', names: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'], call: 'cacheflush' },
    { architecture: 'riscv64', names: ['SCMP_ARCH_RISCV64'], call: 'riscv_flush_icache' },
  ])('knows $architecture', ({ architecture, names, call }) => {
    expect(seccompProfile([], architecture)?.architectures).toEqual(names);
    expect(allowed([], architecture)).toContain(call);
    expect(new Set(allowed([], architecture)).size).toBe(allowed([], architecture).length);
  });

  it('is none where nobody knows the machine', () => expect(seccompProfile([], 'mips')).toBeUndefined());
});

describe('what surrounds this process', () => {
  it.each([
    { map: '         0          0 4294967295\n', ids: 'machine' },
    { map: '0 1000 1\n1 100000 65536\n', ids: 'range' },
    { map: '0 1000 1\n', ids: 'single' },
    { map: '', ids: 'single' },
  ])('has ids: $ids', ({ map, ids }) => expect(ownIDs(map)).toBe(ids));

  it('has capabilities', () => {
    expect([...ownCapabilities('CapPrm:\t00000000a80425fb\n')]).toHaveLength(14);
    expect(ownCapabilities('CapPrm:\t000001ffffffffff\n').size).toBe(41);
    expect(ownCapabilities('').size).toBe(0);
  });
});
