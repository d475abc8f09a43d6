import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { StepRunner } from '../layer/index.js';
import { formatPlatform, matchesPlatform, type Platform } from '../oci/index.js';
import { BuildError } from './errors.js';

/** What QEMU and binfmt_misc call architectures. */
const QEMU_NAMES: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  '386': 'i386',
  arm64: 'aarch64',
  arm: 'arm',
  ppc64le: 'ppc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
  loong64: 'loongarch64',
  mips64: 'mips64',
  mips64le: 'mips64el',
};
const BINFMT = '/proc/sys/fs/binfmt_misc';

/**
 * A runner that refuses commands which this machine cannot run, and says what would help.
 * @param binfmt where the kernel tells of emulators.
 */
export function checkRunnable(
  runner: StepRunner,
  platform: Platform,
  own: Platform,
  binfmt = BINFMT,
): StepRunner {
  if (isNative(platform, own)) return runner;
  return {
    run: async (step) => {
      if (platform.os === own.os && isEmulated(platform, binfmt)) return runner.run(step);
      throw new BuildError(
        `cannot run a command for ${formatPlatform(platform)} on ${formatPlatform(own)}: no emulator is registered in ` +
          `${binfmt} with the flag F; install qemu-user-static (or binfmt-support), or do this step in a stage with ` +
          'FROM --platform=$BUILDPLATFORM',
      );
    },
  };
}

function isNative(platform: Platform, own: Platform): boolean {
  if (matchesPlatform(platform, own)) return true;
  const { os, architecture } = platform;
  return (
    os === own.os &&
    (architecture === own.architecture || (architecture === '386' && own.architecture === 'amd64'))
  );
}

/** Without the flag F the emulator would have to lie in the image. */
function isEmulated({ architecture }: Platform, binfmt: string): boolean {
  const name = QEMU_NAMES[architecture];
  if (name === undefined || !existsSync(binfmt)) return false;
  return readdirSync(binfmt)
    .filter((entry) => new RegExp(`^qemu-${name}(-|$)|^${name}$`).test(entry))
    .map((entry) => readFileSync(`${binfmt}/${entry}`, 'utf8'))
    .some((text) => text.startsWith('enabled') && /^flags: .*F/m.test(text));
}
