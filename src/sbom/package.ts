import type { PackageUrl } from '../oci/index.js';

/** A package that is installed in a root filesystem. */
export type Package = Readonly<{
  url: PackageUrl;
  name: string;
  version: string;
  /** As its author wrote it: an SPDX expression, often. */
  license?: string;
  /** `Person: name` or `Organization: name`, as SPDX has it. */
  supplier?: string;
  homepage?: string;
  summary?: string;
  checksum?: Checksum;
  /** The file that tells of it. */
  path: string;
}>;

/** Of what was downloaded to install it. `value` in hexadecimal digits. */
export type Checksum = Readonly<{ algorithm: 'SHA1' | 'SHA256' | 'SHA384' | 'SHA512'; value: string }>;

/** `Name <mail@host>` as SPDX has it. spdx.github.io, "Package supplier field". */
export function supplierOf(text: string): string {
  const kind = /\b(team|group|maintainers|developers|inc|project|foundation)\b/i.test(text)
    ? 'Organization'
    : 'Person';
  return `${kind}: ${text.replace(/ <([^>]*)>$/, ' ($1)')}`;
}
