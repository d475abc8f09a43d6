import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackLayer } from '../../src/layer/index.js';
import { makeDevice, mount, umount } from '../../src/linux/index.js';
import type { Digest } from '../../src/oci/index.js';
import type { Containers } from '../../src/runtime/index.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { busyboxLayer, openContainers, runStep, stepOf } from './step.js';

const isRoot = process.getuid?.() === 0;

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

let folder: TemporaryFolder;
let containers: Containers;
let base: StackLayer;

beforeAll(async () => {
  folder = await temporaryFolder();
  containers = openContainers(join(folder.path, 'root'));
  base = await busyboxLayer(folder.path);
});
afterAll(async () => {
  await containers?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

describe('a command that', () => {
  it('puts a link in the place of what is above a mount removes nothing of this machine', async () => {
    const victim = join(folder.path, 'victim');
    mkdirSync(join(victim, 'directory'), { recursive: true });
    writeFileSync(join(victim, 'file'), '');
    const before = readdirSync(victim);
    const { outcome } = await runStep(
      containers,
      stepOf([base], `mv /new /moved; ln -s ${victim} /new`, {
        mounts: [
          { type: 'tmpfs', target: '/new/directory' },
          {
            type: 'file',
            content: Buffer.from('x'),
            owner: { mode: 0o644, uid: 0, gid: 0 },
            target: '/new/file',
            secret: false,
          },
        ],
      }),
    );
    expect(outcome.exitCode).toBe(0);
    expect(readdirSync(victim)).toEqual(before);
  });

  it.runIf(isRoot)('writes to what is mounted within a directory to read changes nothing', async () => {
    const source = join(folder.path, 'source');
    mkdirSync(join(source, 'mounted'), { recursive: true });
    mount('tmpfs', join(source, 'mounted'), 'tmpfs', 0, 'size=1m');
    try {
      writeFileSync(join(source, 'mounted/file'), 'kept');
      const { stdout } = await runStep(
        containers,
        stepOf(
          [base],
          'cat /source/mounted/file; echo lost > /source/mounted/file; touch /source/mounted/new',
          {
            mounts: [{ type: 'bind', source: { hostPath: source }, target: '/source', readOnly: true }],
          },
        ),
      );
      expect(stdout).toBe('kept');
      expect(readFileSync(join(source, 'mounted/file'), 'utf8')).toBe('kept');
      expect(readdirSync(join(source, 'mounted'))).toEqual(['file']);
    } finally {
      umount(join(source, 'mounted'));
    }
  });
});

describe('an image', () => {
  it.runIf(isRoot)('cannot bring a way to devices where no cgroup forbids them', async () => {
    const root = join(folder.path, 'busybox');
    makeDevice(join(root, 'fuse'), { type: 'character', permissions: 0o666, major: 10, minor: 229 });
    const tar = join(folder.path, 'device.tar');
    await run(['tar', '-C', root, '-cf', tar, '.']);
    const child = [process.execPath, '--import', file('source-hooks.mjs'), file('run-child.ts')];
    const step = [join(folder.path, 'device'), tar, 'ls -l /fuse; : < /fuse'];
    const script = `awk '$5 ~ "^/sys/fs/cgroup" { print $5 }' /proc/self/mountinfo |
      while read -r place; do mount -o remount,bind,ro "$place"; done; exec "$@" 2>&1`;
    const shown = await run(['unshare', '--mount', 'sh', '-c', script, 'sh', ...child, ...step]);
    expect(shown).toContain('10, 229');
    expect(shown).toContain("can't open /fuse: Permission denied");
  });

  it.each(['lock', 'work'])('cannot be taken for what is called %s beside the snapshots', async (name) => {
    const layer = { ...base, diffID: `other:${name}` as Digest };
    const snapshots = join(folder.path, 'root/snapshots');
    const before = readdirSync(snapshots);
    await expect(runStep(containers, stepOf([layer], 'true'))).rejects.toThrow('cannot verify');
    expect(readdirSync(snapshots)).toEqual(before);
  });
});
