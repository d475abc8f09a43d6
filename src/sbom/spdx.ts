import { createHash } from 'node:crypto';
import { formatPackageUrl, type PackageUrl } from '../oci/index.js';
import { findExpression } from './license.js';
import type { FoundPackage, Inventory } from './packages.js';

/** What a document is about, and who has made it. */
export type SpdxAbout = Readonly<{
  /** Of the image. */
  name: string;
  /** Of its manifest: `sha256:…`. */
  digest: string;
  platform: Readonly<{ os: string; architecture: string }>;
  /** RFC 3339, to the second. */
  created: string;
  /** `berth-1.2.3`. */
  tool: string;
}>;

type ExtractedLicense = Readonly<{ licenseId: string; extractedText: string }>;

const NOT_SAID = 'NOASSERTION';
const DOCUMENT = 'SPDXRef-DOCUMENT';
const IMAGE = 'SPDXRef-Image';

/**
 * An SPDX 2.3 document in JSON: the image, and what it contains. The same for the same image and time.
 * @see spdx.github.io/spdx-spec/v2.3
 */
export function spdxDocument({ os, packages }: Inventory, about: SpdxAbout): object {
  const licenses = new Map<string, ExtractedLicense>();
  const described = packages.map((one) => packageOf(one, licenses));
  const system = os && {
    SPDXID: 'SPDXRef-OperatingSystem',
    ...plain(os.id, os.version),
    summary: os.name,
    primaryPackagePurpose: 'OPERATING-SYSTEM',
  };
  const content = system === undefined ? described : [system, ...described];
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: DOCUMENT,
    name: about.name,
    documentNamespace: namespaceOf(about),
    creationInfo: { created: about.created, creators: [`Tool: ${about.tool}`] },
    documentDescribes: [IMAGE],
    packages: [imageOf(about), ...content],
    relationships: [
      relation(DOCUMENT, 'DESCRIBES', IMAGE),
      ...content.map(({ SPDXID }) => relation(IMAGE, 'CONTAINS', SPDXID)),
    ],
    ...(licenses.size > 0 && { hasExtractedLicensingInfos: [...licenses.values()] }),
  };
}

/** Nobody else uses it, and the same image has the same. */
function namespaceOf({ name, digest, created }: SpdxAbout): string {
  const id = createHash('sha256')
    .update(JSON.stringify([name, digest, created]))
    .digest('hex')
    .slice(0, 32);
  return `https://spdx.org/spdxdocs/${encodeURIComponent(name)}-${id}`;
}

function imageOf({ name, digest, platform }: SpdxAbout) {
  const repository = name.replace(/[@:][^/]*$/, '');
  const url: PackageUrl = {
    type: 'oci',
    name: repository.split('/').at(-1)?.toLowerCase() || 'image',
    version: digest,
    qualifiers: { arch: platform.architecture, os: platform.os },
  };
  return {
    SPDXID: IMAGE,
    ...plain(name, digest),
    primaryPackagePurpose: 'CONTAINER',
    checksums: [{ algorithm: 'SHA256', checksumValue: digest.replace(/^sha256:/, '') }],
    externalRefs: [purlReference(formatPackageUrl(url))],
  };
}

function packageOf(one: FoundPackage, licenses: Map<string, ExtractedLicense>) {
  const { url, purl, name, version, license, supplier, homepage, summary, checksum, paths } = one;
  return {
    SPDXID: `SPDXRef-Package-${url.type}-${idPart(name)}-${hashOf(purl)}`,
    ...plain(name, version),
    ...(supplier !== undefined && { supplier }),
    ...(homepage !== undefined && /^[a-z]+:\/\//i.test(homepage) && { homepage }),
    ...(summary !== undefined && { summary }),
    ...(license !== undefined && { licenseDeclared: declared(license, licenses) }),
    ...(checksum && {
      checksums: [{ algorithm: checksum.algorithm, checksumValue: checksum.value }],
    }),
    sourceInfo: `found in ${paths.map((path) => `/${path.toWellFormed()}`).join(', ')}`,
    externalRefs: [purlReference(purl)],
  };
}

/** What every package has to have. */
function plain(name: string, version: string) {
  return {
    name,
    ...(version !== '' && { versionInfo: version }),
    downloadLocation: NOT_SAID,
    filesAnalyzed: false,
    licenseConcluded: NOT_SAID,
    licenseDeclared: NOT_SAID,
    copyrightText: NOT_SAID,
  };
}

/** What is no expression is quoted in the document, and has a name there. */
function declared(text: string, licenses: Map<string, ExtractedLicense>): string {
  const expression = findExpression(text);
  if (expression !== undefined) return expression;
  const licenseId = `LicenseRef-${idPart(text).slice(0, 40)}-${hashOf(text).slice(0, 8)}`;
  licenses.set(licenseId, { licenseId, extractedText: text });
  return licenseId;
}

function purlReference(purl: string) {
  return { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl };
}

function relation(from: string, relationshipType: string, to: string) {
  return { spdxElementId: from, relationshipType, relatedSpdxElement: to };
}

/** Identifiers have letters, digits, dots and hyphens. */
function idPart(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]+/g, '-').replace(/^-+|-+$/g, '');
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
