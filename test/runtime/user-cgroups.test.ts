import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cgroupPathOf, checkCgroupParent } from '../../src/runtime/container/names.js';
import { cgroupSupport, resourcesOf } from '../../src/runtime/limits/index.js';
import { cgroupOptions } from '../../src/runtime/oci-runtime.js';
import { mayEnter, scopeOf, startScope, userCgroup } from '../../src/runtime/user-cgroups.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const UNIT = 'user.slice/user-1000.slice/user@1000.service';
const IN_SESSION = '0::/user.slice/user-1000.slice/session-16.scope\n';
const IN_UNIT = `0::/${UNIT}/user.slice/berth-command-7-a.scope\n`;

/** As Debian 12 has it: `cgroups` is the mount of cgroup v2, `run` what the user's session has. */
async function place() {
  const folder = await temporaryFolder();
  const [cgroups, run] = [join(folder.path, 'cgroup'), join(folder.path, 'run')];
  const unit = join(cgroups, UNIT);
  await mkdir(join(unit, 'app.slice'), { recursive: true });
  await mkdir(run);
  await writeFile(join(run, 'bus'), '');
  await writeFile(join(unit, 'cgroup.procs'), '');
  await writeFile(join(unit, 'cgroup.controllers'), 'cpu memory pids\n');
  await writeFile(join(unit, 'app.slice/memory.max'), 'max\n');
  await writeFile(join(unit, 'app.slice/memory.swap.max'), 'max\n');
  const mountinfo = `30 22 0:26 / ${cgroups} rw - cgroup2 cgroup2 rw,nsdelegate\n`;
  return { run, unit, cgroups, mountinfo, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

describe("the cgroups of a user's systemd", () => {
  it('are found by a process that is in its unit', async () => {
    await using there = await place();
    const { run, unit, mountinfo } = there;
    expect(userCgroup(run, { cgroup: IN_UNIT, mountinfo })).toBe(unit);
    expect(userCgroup(run, { cgroup: `0::/${UNIT}\n`, mountinfo })).toBe(unit);
  });

  it('are none for a process of a session, without a bus, or beside those of v1', async () => {
    await using there = await place();
    const { run, unit, mountinfo } = there;
    expect(userCgroup(run, { cgroup: IN_SESSION, mountinfo })).toBeUndefined();
    expect(userCgroup(undefined, { cgroup: IN_UNIT, mountinfo })).toBeUndefined();
    expect(userCgroup(join(run, 'other'), { cgroup: IN_UNIT, mountinfo })).toBeUndefined();
    const hybrid = `${mountinfo}34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n`;
    const cgroup = `4:memory:/user.slice\n${IN_UNIT}`;
    expect(userCgroup(run, { cgroup, mountinfo: hybrid })).toBeUndefined();
    await chmod(join(unit, 'cgroup.procs'), 0o444);
    const mayAnyway = process.getuid?.() === 0;
    expect(userCgroup(run, { cgroup: IN_UNIT, mountinfo })).toBe(mayAnyway ? unit : undefined);
  });

  it('are entered from a session alone, not from a service of the machine', async () => {
    await using there = await place();
    const { mountinfo, cgroups } = there;
    const enters = (cgroup: string, uid = '1000') => mayEnter(uid, { cgroup, mountinfo }, cgroups);
    expect(enters(IN_SESSION)).toBe(true);
    expect(enters(IN_SESSION, '1001')).toBe(false); // whose systemd does not run
    expect(enters(IN_UNIT)).toBe(false);
    expect(enters('0::/system.slice/ci.service\n')).toBe(false);
  });

  it('limit what systemd gives to users, and say what would help with the rest', async () => {
    await using there = await place();
    const support = cgroupSupport({ cgroups: 'v2', userCgroup: there.unit });
    expect(resourcesOf({ Memory: 64e6, PidsLimit: 5 }, support)).toEqual({
      memory: { limit: 64e6, swap: 128e6 },
      pids: { limit: 5 },
    });
    expect(() => resourcesOf({ CpusetCpus: '0' }, support)).toThrow(
      'systemctl edit user@.service: [Service] Delegate=cpu cpuset io memory pids',
    );
  });

  it('are asked for by the runtime', () => {
    const own = { cgroups: 'v2', userCgroup: `/sys/fs/cgroup/${UNIT}` } as const;
    expect(cgroupOptions('crun', own)).toEqual(['--systemd-cgroup']);
    expect(cgroupOptions('runc', own)).toEqual(['--systemd-cgroup']);
    expect(cgroupOptions('runc', { cgroups: 'none' })).toEqual(['--rootless=true']);
  });

  it('have names that systemd makes directories of', () => {
    expect(scopeOf('abc')).toEqual({
      cgroupsPath: 'user.slice:berth:abc',
      below: 'user.slice/berth-abc.scope',
    });
    expect(scopeOf('abc', 'my-own.slice').below).toBe('my.slice/my-own.slice/berth-abc.scope');
  });

  it('are not in places that are no slices', () => {
    const own = { userCgroup: `/sys/fs/cgroup/${UNIT}` };
    expect(() => checkCgroupParent({ CgroupParent: '/mine' }, own)).toThrow(
      'valid slice named as "xxx.slice"',
    );
    checkCgroupParent({ CgroupParent: 'my-own.slice' }, own);
    checkCgroupParent({ CgroupParent: '/mine' }, {}); // root has a tree of its own
    const before = { id: 'abc', hostConfig: { CgroupParent: '/mine' } } as Parameters<typeof cgroupPathOf>[0];
    expect(() => cgroupPathOf(before, own)).toThrow('make the container with such a slice, or without');
    expect(cgroupPathOf(before, {})).toBe('/mine/abc');
  });

  it('are entered by a scope of the process alone', () =>
    expect(startScope('berth-command-7-a.scope', 7).join(' ')).toMatch(/ PIDs au 1 7 0$/));
});
