import { chmodSync, chownSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isForMachine, runDirectory } from '../../src/cli/user-namespace.js';

const inside = { _BERTH_USER: '1000', XDG_RUNTIME_DIR: '/run/user/1000' };

describe.runIf(process.getuid?.() === 0)('root', () => {
  it.each([
    { whose: 'the machine', env: { XDG_RUNTIME_DIR: '/run/user/0' }, is: true, run: '/run' },
    { whose: 'a user namespace', env: inside, is: false, run: '/run/user/1000' },
  ])('of $whose has a place for what ends with the boot', ({ env, is, run }) => {
    expect(isForMachine(env)).toBe(is);
    expect(runDirectory(env)).toBe(run);
  });

  it('takes a place below /tmp only if nobody else has it', () => {
    const user = String(4_000_000_000 + process.pid);
    const made = `/tmp/berth-${user}`;
    const place = () => runDirectory({ _BERTH_USER: user });
    using resources = new DisposableStack();
    resources.defer(() => rmSync(made, { recursive: true, force: true }));
    const replace = (by: () => void) => {
      rmdirSync(made);
      by();
    };
    const spoilt = {
      'of another': () => chownSync(made, 1, 1),
      'open to others': () => chmodSync(made, 0o750),
      'a link': () => replace(() => symlinkSync('/root', made)),
      'a file': () => replace(() => writeFileSync(made, '')),
    };
    for (const [how, spoil] of Object.entries(spoilt)) {
      expect(place()).toBe(made);
      spoil();
      expect(place, how).toThrow('set XDG_RUNTIME_DIR to one of your own');
      rmSync(made, { recursive: true });
    }
  });
});
