import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ContainerPlace } from '../containers/container-place.js';
import { Tmpfs } from './tmpfs.js';

const NO_SPACE = /no space left|no space is left/i;

it('containers on a full disk: they are seen, entered and stopped, what needs room says so, and all is well again', async () => {
  await using place = await ContainerPlace.create();
  await using disk = await Tmpfs.mount(24);
  const on = { env: { BERTH_ROOT: join(disk.path, 'root') } };
  await place.run(['import', '-c', 'CMD ["sh"]', join(place.folder, 'busybox-root.tar'), 'box'], on);
  const script = 'while :; do echo tick; sleep 0.1; done';
  await place.run(['run', '-d', '--name', 'two', '--network', 'none', 'box', 'sleep', '1000'], on);
  await place.run(['run', '-d', '--name', 'on', '--network', 'none', 'box', 'sh', '-c', script], on);
  try {
    const note = join(place.folder, 'note');
    await writeFile(note, 'x'.repeat(100_000));
    const wanting: readonly (readonly string[])[] = [
      ['create', '--name', 'other', '--network', 'none', 'box', 'true'],
      ['volume', 'create', 'data'],
      ['cp', note, 'on:/note'],
      ['commit', 'on', 'img'],
    ];
    const ballast = await disk.fill();
    expect(await place.run(['ps', '--format', '{{.Names}}'], on)).toBe('on\ntwo\n');
    expect(await place.run(['logs', '--tail', '1', 'on'], on)).toBe('tick\n');
    expect(await place.run(['exec', 'on', 'echo', 'inside'], on)).toBe('inside\n');
    await place.run(['stop', '-t', '0', 'two'], on);
    await place.run(['rm', 'two'], on);
    for (const args of wanting) {
      await disk.fill();
      const { code, stderr } = await place.tryRun(args, on);
      expect(code, args.join(' ')).not.toBe(0);
      expect(stderr).toMatch(NO_SPACE);
    }
    await rm(ballast);
    expect(await place.run(['ps', '-a', '--format', '{{.Names}} {{.State}}'], on)).toBe('on running\n');
    for (const args of wanting) await place.run(args, on);
    expect(await place.run(['exec', 'on', 'wc', '-c', '/note'], on)).toBe('100000 /note\n');
    expect(await place.run(['logs', '--tail', '1', 'on'], on)).toBe('tick\n');
    await place.run(['volume', 'rm', 'data'], on);
  } finally {
    await place.tryRun(['rm', '-f', 'on', 'two', 'other'], on);
  }
});
