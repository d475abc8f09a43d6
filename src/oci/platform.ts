/** What an image runs on, in Go's words. image-spec image-index.md, "platform". */
export type Platform = Readonly<{
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: readonly string[];
}>;

/** Other names of architectures, with the variant they mean. */
const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  aarch64: ['arm64'],
  armel: ['arm', 'v6'],
  armhf: ['arm', 'v7'],
  i386: ['386'],
  ia32: ['386'],
  x64: ['amd64'],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  ppc64el: ['ppc64le'],
  loongarch64: ['loong64'],
};

/** What architectures mean without a variant. Only that of arm is said, as in containerd. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { arm64: 'v8', amd64: 'v1', arm: 'v7' };

/**
 * Reads `os/architecture[/variant]` or one of os and architecture alone, and brings it to the usual names.
 * @throws {RangeError} empty or malformed.
 */
export function parsePlatform(input: string, host: Platform = hostPlatform()): Platform {
  const parts = input.toLowerCase().split('/');
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) {
    throw new RangeError(
      `not a platform: ${JSON.stringify(input)}; write os/architecture[/variant] as in linux/arm64`,
    );
  }
  const [first = '', second, third] = parts;
  if (second !== undefined) return platformOf(first, second, third);
  if (/^(linux|windows|darwin|freebsd|wasip1)$/.test(first)) return { ...host, os: first };
  return platformOf(host.os, first, undefined);
}

/** `linux/arm/v7`. {@link parsePlatform} reads it back as the same. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return platformOf(process.platform, process.arch, undefined);
}

/** Whether an image for `offered` runs where `wanted` is asked for: an unnamed variant is the usual one. */
export function matchesPlatform(offered: Platform, wanted: Platform): boolean {
  return (
    offered.os === wanted.os &&
    offered.architecture === wanted.architecture &&
    variantOf(offered) === variantOf(wanted)
  );
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant ?? DEFAULT_VARIANTS[architecture];
}

function platformOf(os: string, name: string, stated: string | undefined): Platform {
  const [architecture, implied] = ARCHITECTURES[name] ?? [name];
  const usual = DEFAULT_VARIANTS[architecture];
  const variant = (stated ?? implied ?? usual)?.replace(/^(?=\d)/, 'v');
  const isSaid = variant !== undefined && (variant !== usual || architecture === 'arm');
  return { os, architecture, ...(isSaid && { variant }) };
}
