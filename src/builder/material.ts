import { encodedOf, formatPackageUrl, imageUrl, type Platform, parseReference } from '../oci/index.js';
import type { BaseImage } from './base-images.js';

/** Something that a build took from elsewhere, and what that turned out to be. SLSA v1, "ResourceDescriptor". */
export type Material = Readonly<{ uri: string; digest: Readonly<Record<string, string>> }>;

/** A file of http or a commit of git. What authenticates is left out of the address. */
export function fetchedMaterial(url: string, digest: Material['digest']): Material {
  return { uri: withoutSecrets(url), digest };
}

/** A base image. */
export function imageMaterial({ name, digest, origin }: BaseImage, platform: Platform): Material {
  const uri =
    origin === 'layout'
      ? formatPackageUrl({ type: 'oci', name, version: digest })
      : imageUrl(parseReference(name), platform);
  return { uri, digest: { sha256: encodedOf(digest) } };
}

/** Parameters of signed and otherwise authenticated addresses. */
const SECRET_PARAMETER = /(?:^|[-_.])(?:auth|credential|key|password|secret|sig|signature|token)(?:[-_.]|$)/i;

/** A text without what authenticates in the addresses in it, and without the user of a proxy that has no scheme. */
export function withoutSecrets(text: string): string {
  const plain = text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, '$1')
    .replace(/^[^/@:\s]+:[^/@\s]*@(?=[^/@\s]+$)/, '');
  return plain.replace(/([?&])([^=&#]+)=([^&#\s]*)/g, (whole, mark: string, name: string) =>
    SECRET_PARAMETER.test(name) ? `${mark}${name}=****` : whole,
  );
}
