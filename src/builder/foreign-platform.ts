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
  mips64le: 'mips64el',
};
const BINFMT = '/proc/sys/fs/binfmt_misc';

/** A runner that refuses commands which this machine cannot run, and says what would help. */
export function checkRunnable(runner: StepRunner, platform: Platform, own: Platform): StepRunner {
  if (isNative(platform, own)) return runner;
  return {
    run: async (step) => {
      if (platform.os === own.os && isEmulated(platform)) return runner.run(step);
      throw new BuildError(
        `cannot run a command for ${formatPlatform(platform)} on ${formatPlatform(own)}: no emulator is registered in ` +
          `${BINFMT}; install qemu-user-static (or binfmt-support), or do this step in a stage with ` +
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

function isEmulated({ architecture }: Platform): boolean {
  const name = QEMU_NAMES[architecture];
  if (name === undefined || !existsSync(BINFMT)) return false;
  return readdirSync(BINFMT)
    .filter((entry) => new RegExp(`^qemu-${name}(-|$)|^${name}$`).test(entry))
    .some((entry) => readFileSync(`${BINFMT}/${entry}`, 'utf8').startsWith('enabled'));
}
