import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ImageFormat } from '../image/index.js';
import { addStoreOptions } from './image-store.js';
import { OptionAlias } from './option-alias.js';
import { PROGRESS_MODES } from './progress-mode.js';
import { addRegistryOptions } from './registry-options.js';
import { parseWholeNumber } from './whole-number.js';

export type PlatformFlags = Readonly<{ platform?: string; allPlatforms?: boolean }>;
/** `--no-referrers` makes it false; without a flag it depends on the places. */
export type ReferrersFlags = Readonly<{ referrers?: boolean }>;
export type CompressionFlags = Readonly<{
  compression?: 'gzip' | 'zstd' | 'none';
  compressionLevel?: number;
  forceCompression?: boolean;
  format?: ImageFormat;
}>;

/** The flags of every command that moves images. */
export function addTransferOptions(command: Command): Command {
  addRegistryOptions(addStoreOptions(command));
  return command
    .addOption(new Option('--progress <how>', 'how to show progress').choices(PROGRESS_MODES).default('auto'))
    .option('-q, --quiet', 'no progress, only the result');
}

export function addPlatformOptions(command: Command, allHelp: string): Command {
  return command
    .option('--platform <platform>', 'the image for this platform, such as linux/arm64')
    .option('--all-platforms', allHelp);
}

export function addCompressionOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--compression <how>', 'compress uncompressed layers').choices(['gzip', 'zstd', 'none']),
    )
    .option('--compression-level <n>', 'gzip 1 to 9, zstd 1 to 19', parseWholeNumber(1))
    .option('--force-compression', 'also layers that are compressed in another way')
    .addOption(new OptionAlias('--dest-compress-format <how>', 'compression'))
    .addOption(new OptionAlias('--dest-compress', 'compression').preset('gzip'))
    .addOption(
      new OptionAlias('--dest-compress-level <n>', 'compressionLevel').argParser(parseWholeNumber(1)),
    )
    .addOption(
      new Option('--format <types>', 'change the media types')
        .choices(['oci', 'docker'])
        .argParser(parseFormat),
    );
}

/** Also as skopeo has them. */
function parseFormat(text: string): ImageFormat {
  if (text === 'oci' || text === 'docker') return text;
  if (text === 'v2s2') return 'docker';
  throw new InvalidArgumentError(
    text === 'v2s1' ? 'nobody takes v2s1 any more; use docker.' : 'Allowed choices are oci, docker.',
  );
}

/** Where the digest of what was sent goes. */
export function addDigestFileOption(command: Command): Command {
  return command
    .option('--digest-file <file>', 'write the digest here')
    .addOption(new OptionAlias('--digestfile <file>', 'digestFile'));
}

export function addReferrersOptions(command: Command): Command {
  return command
    .option('--referrers', 'also what is about the image: signatures, SBOMs')
    .option('--no-referrers', 'the image alone; so it is by default when it comes from a registry')
    .addOption(new OptionAlias('--remove-signatures', 'referrers').preset(false));
}
