import { type Blobs, ContentNotFoundError, layout } from '../../content/index.js';
import type { ContentUse } from '../../index/index.js';
import {
  type Digest,
  MANIFEST_KINDS,
  OciError,
  parseManifest,
  type RepositoryName,
  type Tag,
} from '../../oci/index.js';
import type { StorageDriver } from '../../storage/index.js';
import {
  type DigestLink,
  type ManifestRules,
  manifestRecord,
  requiredContent,
  surveyLinks,
} from '../repositories/index.js';
import { mapSideBySide } from '../side-by-side.js';
import type { Problem } from './finding.js';

/** What would mend it: bytes in their place, and a link to them. Or another look at the files. */
export type Fix = Readonly<{ use: ContentUse; canonical: Digest }>;

export type LinkProblem = Readonly<{
  /** The same for the same problem. */
  key: string;
  problem: Problem;
  digest?: Digest;
  tag?: Tag;
  path?: string;
  detail: string;
  fix?: Fix | 'reread';
}>;

/** `unneeded` are links that lead nowhere and that nobody misses, as an older registry leaves them. */
export type LinkCheck = Readonly<{ problems: readonly LinkProblem[]; manifests: number; unneeded: number }>;

type Parts = Readonly<{
  driver: StorageDriver;
  blobs: Pick<Blobs, 'read'>;
  rules: ManifestRules;
  /** Whether there are such bytes. */
  isThere: (canonical: Digest) => Promise<boolean>;
  /** What bytes hash to by the algorithm of `digest`. @throws {ContentNotFoundError} */
  hashOf: (canonical: Digest, digest: Digest) => Promise<Digest>;
  /** The bytes of a manifest as they are served. */
  served: (repository: RepositoryName, digest: Digest) => Promise<Uint8Array | undefined>;
}>;

/** What it names, and what of that must be there. */
type ReadManifest = Readonly<{
  digest: Digest;
  names: readonly Digest[];
  needs: readonly Pick<ContentUse, 'digest' | 'kind'>[];
}>;

/** Whether the links of a repository lead somewhere, its manifests can be read, and what they name is there. */
export async function checkLinks(parts: Parts, repository: RepositoryName): Promise<LinkCheck> {
  const survey = await surveyLinks(parts.driver, repository);
  const isCopy = (await parts.driver.stat(layout.copyMarkPath(repository))) !== undefined;
  // A copy is complete once everything was asked for.
  const rules: ManifestRules = isCopy
    ? { ...parts.rules, blobs: 'optional', indexPlatforms: 'none' }
    : parts.rules;
  const problems: LinkProblem[] = [];
  const manifests = await mapSideBySide(survey.revisions, (link) =>
    readManifest(parts, repository, link, { rules, problems }),
  );
  const named = new Set(manifests.flatMap(({ names }) => names));
  let unneeded = 0;
  await mapSideBySide(survey.layers, async (link) => {
    const use = { repository, digest: link.digest, kind: 'blob' } as const;
    if (link.target === undefined) return void problems.push(broken(use, link));
    if (await parts.isThere(link.target)) {
      if (!(await leadsRight(parts, link, link.target))) problems.push(misleading(use, link));
      return;
    }
    if (named.has(link.digest)) problems.push(missing(use, link.path, link.target));
    else unneeded += 1;
  });
  const known = new Set([...survey.layers, ...survey.revisions].map(({ digest }) => digest));
  for (const { digest, needs } of manifests)
    for (const need of needs)
      if (!known.has(need.digest)) problems.push(incomplete({ repository, ...need }, digest));
  const revisions = new Set(survey.revisions.map(({ digest }) => digest));
  for (const { tag, path, target } of survey.tags) {
    if (target === undefined) problems.push(brokenTag(tag, path));
    else if (!revisions.has(target)) problems.push(dangling(repository, tag, target));
  }
  return { problems, manifests: manifests.length, unneeded };
}

async function readManifest(
  parts: Parts,
  repository: RepositoryName,
  link: DigestLink,
  { rules, problems }: { rules: ManifestRules; problems: LinkProblem[] },
): Promise<ReadManifest | undefined> {
  const use = { repository, digest: link.digest, kind: 'manifest' } as const;
  if (link.target === undefined) {
    problems.push(broken(use, link));
    return undefined;
  }
  const bytes = await parts.blobs.read(link.target).catch((error: unknown) => {
    if (error instanceof ContentNotFoundError) return undefined;
    throw error;
  });
  if (bytes === undefined) {
    problems.push(missing(use, link.path, link.target));
    return undefined;
  }
  const stored = { digest: link.digest, canonical: link.target, bytes, pushedAt: new Date(0) };
  const record = manifestRecord(stored);
  if (record === undefined) {
    const detail = `manifest ${link.digest} is none: its bytes cannot be read as one`;
    problems.push({
      key: `no-manifest ${link.digest}`,
      problem: 'no-manifest',
      digest: link.digest,
      path: link.path,
      detail,
    });
    return undefined;
  }
  const served = await parts.served(repository, link.digest);
  if (served && Buffer.compare(served, bytes) !== 0) problems.push(wrongIndex(link.digest));
  if (!(await leadsRight(parts, link, link.target))) problems.push(misleading(use, link));
  return {
    digest: link.digest,
    names: record.references.map(({ digest }) => digest),
    needs: needsOf(bytes, rules),
  };
}

/** Images of schema 1 can no longer be pushed: what they lack nobody can add. */
function needsOf(bytes: Uint8Array, rules: ManifestRules): ReadManifest['needs'] {
  try {
    return requiredContent(rules, parseManifest(bytes, '')).map(({ digest, mediaType }) => ({
      digest,
      kind: MANIFEST_KINDS.has(mediaType) ? 'manifest' : 'blob',
    }));
  } catch (error) {
    if (error instanceof OciError) return [];
    throw error;
  }
}

/** A name by sha256 can lead only to the bytes of that name, which were hashed already. */
async function leadsRight({ hashOf }: Parts, { digest }: DigestLink, canonical: Digest): Promise<boolean> {
  if (!digest.startsWith('sha512:')) return true;
  return hashOf(canonical, digest).then(
    (actual) => actual === digest,
    (error: unknown) => {
      if (error instanceof ContentNotFoundError) return true; // gone meanwhile
      throw error;
    },
  );
}

function misleading({ kind }: ContentUse, { path, digest }: DigestLink): LinkProblem {
  const detail = `the link to ${kind} ${digest} leads to other bytes`;
  return { key: `broken-link ${path}`, problem: 'broken-link', digest, path, detail };
}

function wrongIndex(digest: Digest): LinkProblem {
  const detail = `the index has other bytes for manifest ${digest} than its file`;
  return { key: `wrong-index ${digest}`, problem: 'wrong-index', digest, detail, fix: 'reread' };
}

function broken(use: ContentUse, { path, digest }: DigestLink): LinkProblem {
  const detail = `the link to ${use.kind} ${digest} does not say so`;
  return { key: `broken-link ${path}`, problem: 'broken-link', digest, path, detail, ...fixOf(use) };
}

function missing(use: ContentUse, path: string, canonical: Digest): LinkProblem {
  const { digest, kind } = use;
  const detail = `${kind} ${digest} is not where its link leads`;
  return { key: `missing ${path}`, problem: 'missing', digest, path, detail, fix: { use, canonical } };
}

function incomplete(use: ContentUse, by: Digest): LinkProblem {
  const { digest, kind } = use;
  const detail = `${kind} ${digest}, which ${by} names, is not there`;
  return { key: `incomplete ${by} ${digest}`, problem: 'incomplete', digest, detail, ...fixOf(use) };
}

function dangling(repository: RepositoryName, tag: Tag, digest: Digest): LinkProblem {
  const use = { repository, digest, kind: 'manifest' } as const;
  const detail = `tag ${tag} names ${digest}, which is not there`;
  return { key: `dangling-tag ${tag}`, problem: 'dangling-tag', digest, tag, detail, ...fixOf(use) };
}

/** Nobody can tell which image it was. */
function brokenTag(tag: Tag, path: string): LinkProblem {
  const detail = `tag ${tag} does not say what it names`;
  return { key: `broken-link ${path}`, problem: 'broken-link', tag, path, detail };
}

/** Where a link by another digest led, only it could say. */
function fixOf(use: ContentUse): { fix?: Fix } {
  return use.digest.startsWith('sha256:') ? { fix: { use, canonical: use.digest } } : {};
}
