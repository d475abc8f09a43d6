import { describe, expect, it } from 'vitest';
import { spdxDocument } from '../../src/sbom/index.js';
import { scan } from './scan.js';

const ABOUT = {
  name: 'reg.example/team/app:1',
  digest: `sha256:${'a'.repeat(64)}`,
  platform: { os: 'linux', architecture: 'arm64' },
  created: '2024-05-06T07:08:09Z',
  tool: 'berth-1.2.3',
};

type Package = Readonly<{ SPDXID: string; licenseDeclared: string; [name: string]: unknown }>;
type Document = Readonly<{
  packages: readonly Package[];
  relationships: readonly Readonly<Record<string, string>>[];
  hasExtractedLicensingInfos?: readonly Readonly<{ licenseId: string; extractedText: string }>[];
}>;

async function documentOf(licenses: readonly string[]): Promise<Document> {
  const stanzas = licenses.map((license, i) => `P:p${i}\nV:1\nL:${license}\n`);
  const inventory = await scan({
    'etc/os-release': 'ID=alpine\nVERSION_ID=3.20\n',
    'lib/apk/db/installed': stanzas.join('\n'),
  });
  return spdxDocument(inventory, ABOUT) as Document;
}

describe('an SPDX document', () => {
  it('describes the image, which contains the packages', async () => {
    const document = await documentOf(['MIT']);
    expect(document).toMatchObject({
      spdxVersion: 'SPDX-2.3',
      dataLicense: 'CC0-1.0',
      SPDXID: 'SPDXRef-DOCUMENT',
      name: ABOUT.name,
      creationInfo: { created: ABOUT.created, creators: ['Tool: berth-1.2.3'] },
    });
    const [image, system, one] = document.packages;
    expect(image).toMatchObject({
      primaryPackagePurpose: 'CONTAINER',
      externalRefs: [
        { referenceLocator: `pkg:oci/app@${ABOUT.digest}?arch=arm64&os=linux`, referenceType: 'purl' },
      ],
    });
    expect(system).toMatchObject({ name: 'alpine', primaryPackagePurpose: 'OPERATING-SYSTEM' });
    expect(one).toMatchObject({
      name: 'p0',
      versionInfo: '1',
      licenseDeclared: 'MIT',
      sourceInfo: 'found in /lib/apk/db/installed',
      externalRefs: [
        { referenceCategory: 'PACKAGE-MANAGER', referenceLocator: 'pkg:apk/alpine/p0@1?distro=alpine-3.20' },
      ],
    });
    expect(document.relationships.map((one) => Object.values(one).join(' '))).toEqual([
      'SPDXRef-DOCUMENT DESCRIBES SPDXRef-Image',
      'SPDXRef-Image CONTAINS SPDXRef-OperatingSystem',
      `SPDXRef-Image CONTAINS ${one?.SPDXID}`,
    ]);
    expect(new Set(document.packages.map(({ SPDXID }) => SPDXID)).size).toBe(3);
    expect(document.packages.every(({ SPDXID }) => /^SPDXRef-[A-Za-z0-9.-]+$/.test(SPDXID))).toBe(true);
  });

  it('is the same for the same image', async () => {
    expect(await documentOf(['MIT'])).toEqual(await documentOf(['MIT']));
  });

  it.each([
    { text: 'mit', declared: 'MIT' },
    { text: 'MIT AND (BSD-3-Clause or Zlib)', declared: 'MIT AND (BSD-3-Clause OR Zlib)' },
    { text: 'GPL-2.0', declared: 'GPL-2.0' },
    { text: 'Apache-2.0+', declared: 'Apache-2.0+' },
  ])('has $text for $declared', async ({ text, declared }) => {
    const document = await documentOf([text]);
    expect(document.packages[2]?.licenseDeclared).toBe(declared);
    expect(document.hasExtractedLicensingInfos).toBeUndefined();
  });

  it.each(['GPLv2+', 'MIT AND', '(MIT', 'MIT BSD-3-Clause', 'custom: see file', 'MIT; do'])(
    'quotes %s, which is no expression',
    async (text) => {
      const document = await documentOf([text]);
      const declared = document.packages[2]?.licenseDeclared ?? '';
      expect(declared).toMatch(/^LicenseRef-[A-Za-z0-9.-]+$/);
      expect(document.hasExtractedLicensingInfos).toEqual([{ licenseId: declared, extractedText: text }]);
    },
  );
});
