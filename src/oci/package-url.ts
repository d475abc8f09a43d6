import { formatPlatform, type Platform } from './platform.js';
import { keyText, type Reference, shortName } from './reference.js';

/** The parts of a package URL. ecma-427. */
export type PackageUrl = Readonly<{
  type: 'apk' | 'deb' | 'docker' | 'generic' | 'golang' | 'npm' | 'oci' | 'pypi' | 'rpm';
  /** Parts joined by slashes. */
  namespace?: string;
  name: string;
  version?: string;
  qualifiers?: Readonly<Record<string, string | undefined>>;
}>;

/** `pkg:deb/debian/bash@5.2?arch=amd64`: empty qualifiers are left out, the others are sorted. */
export function formatPackageUrl({ type, namespace, name, version, qualifiers = {} }: PackageUrl): string {
  const place = [...(namespace ?? '').split('/').filter((part) => part !== ''), name].map(encoded).join('/');
  const pairs = Object.entries(qualifiers)
    .flatMap(([key, value]) => (value === undefined || value === '' ? [] : [`${key}=${encoded(value)}`]))
    .sort();
  const at = version === undefined || version === '' ? '' : `@${encoded(version)}`;
  return `pkg:${type}/${place}${at}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}

/** An image as a registry has it: `pkg:docker/alpine@3?platform=linux%2Famd64`. */
export function imageUrl(reference: Reference, platform: Platform): string {
  const [, namespace, name = ''] = /^(?:(.*)\/)?([^/]+)$/.exec(shortName(reference)) ?? [];
  return formatPackageUrl({
    type: 'docker',
    ...(namespace !== undefined && { namespace }),
    name,
    version: keyText(reference.key),
    qualifiers: { platform: formatPlatform(platform) },
  });
}

/** All but letters, digits, `-._~` and the colon. Text that is no Unicode cannot be written as it is. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3A', ':');
}
