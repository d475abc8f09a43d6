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
});
