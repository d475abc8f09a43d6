import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkRunnable } from '../../src/builder/foreign-platform.js';
import type { StepRunner } from '../../src/layer/index.js';
import { parsePlatform } from '../../src/oci/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const folder = await temporaryFolder('binfmt');
const binfmt = folder.path;
afterAll(() => folder[Symbol.asyncDispose]());
writeFileSync(join(binfmt, 'register'), '');
writeFileSync(
  join(binfmt, 'qemu-aarch64'),
  'enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n',
);
writeFileSync(join(binfmt, 'qemu-arm'), 'enabled\ninterpreter /usr/bin/qemu-arm\nflags: OC\n');
writeFileSync(join(binfmt, 'qemu-s390x'), 'disabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: F\n');

const ran = { layer: undefined };
const runner = { run: async () => ran } as unknown as StepRunner;
const step = {} as Parameters<StepRunner['run']>[0];

describe('a command for a platform', () => {
  const run = (platform: string) =>
    checkRunnable(runner, parsePlatform(platform), parsePlatform('linux/amd64'), binfmt).run(step);

  it.each(['linux/amd64', 'linux/386', 'linux/arm64'])('runs for %s', async (platform) =>
    expect(await run(platform)).toBe(ran),
  );

  it.each([
    { platform: 'linux/arm/v7', why: 'the emulator would have to be in the image' },
    { platform: 'linux/s390x', why: 'the emulator is switched off' },
    { platform: 'linux/riscv64', why: 'there is no emulator' },
    { platform: 'windows/amd64', why: 'it is another system' },
  ])('is refused for $platform: $why', ({ platform }) =>
    expect(run(platform)).rejects.toThrow(/cannot run a command for .* install qemu-user-static/),
  );
});
