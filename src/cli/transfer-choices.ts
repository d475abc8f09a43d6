import type { CompressionOptions } from '../image/index.js';
import { hostPlatform, type Platform, parsePlatform } from '../oci/index.js';
import { UsageError } from './failure.js';
import type { CompressionFlags, PlatformFlags, ReferrersFlags } from './transfer-options.js';
import type { Place } from './transfer-places.js';

/** @param fallback for neither flag. @throws {UsageError} */
export function chosenPlatform(flags: PlatformFlags, fallback: 'host' | 'all'): Platform | 'all' {
  if (flags.platform !== undefined && flags.allPlatforms === true) {
    throw new UsageError('choose one of --platform and --all-platforms');
  }
  if (flags.allPlatforms === true || (flags.platform === undefined && fallback === 'all')) return 'all';
  return flags.platform === undefined ? hostPlatform() : parsedPlatform(flags.platform);
}

/** For `compressed`: gzip where nothing is said, as every registry and runtime takes it, and where it is of use. */
export function compressionOptions(flags: CompressionFlags): CompressionOptions {
  return {
    compression: flags.compression ?? 'gzip',
    force: flags.forceCompression === true,
    onlyIfSmaller: flags.compression === undefined && flags.compressionLevel === undefined,
    ...(flags.compressionLevel === undefined ? {} : { level: flags.compressionLevel }),
    ...(flags.format === undefined ? {} : { format: flags.format }),
  };
}

/**
 * Whether what is about an image is copied with it. Places on this machine just have it; a registry has to be asked.
 * @throws {UsageError} it is wanted, and the target cannot hold it.
 */
export function takesReferrers(
  { referrers }: ReferrersFlags,
  { from, to }: Readonly<{ from: Place['transport']; to: Place['transport'] }>,
): boolean {
  const holdsNone = to === 'docker-archive';
  if (referrers === true && holdsNone) {
    throw new UsageError('--referrers: a docker archive holds images only; use oci-archive:');
  }
  return referrers ?? (from !== 'docker' && !holdsNone);
}

/** @throws {UsageError} */
export function parsedPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
