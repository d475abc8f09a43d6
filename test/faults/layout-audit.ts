import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

export type Audit = Readonly<{
  /** Files that the layout does not explain, and what is wrong with others. */
  complaints: readonly string[];
  blobs: number;
  /** Blobs that no link names: what garbage collection removes. */
  garbage: readonly string[];
  garbageBytes: number;
  /** Links to blobs that are not there, and tags that name nothing yet: left by pushes that were cut off. */
  dangling: readonly string[];
  uploads: readonly string[];
  scratch: readonly string[];
}>;

const BLOB = /^docker\/registry\/v2\/blobs\/sha256\/([0-9a-f]{2})\/(\1[0-9a-f]{62})\/data$/;
const LINK =
  /^docker\/registry\/v2\/repositories\/.+\/(?:_layers|_manifests\/revisions|_manifests\/tags\/[^/]+\/index)\/sha(?:256|512)\/[0-9a-f]+\/link$/;
const TAG = /^docker\/registry\/v2\/repositories\/.+\/_manifests\/tags\/[^/]+\/current\/link$/;
const UPLOAD = /^docker\/registry\/v2\/repositories\/.+\/_uploads\/[^/]+\/(?:data|digests|startedat)$/;
const INDEX = /^berth\/(?:index\.sqlite(?:-wal|-shm)?|server\.sqlite(?:-journal)?|trash\/[\w-]+\.json)$/;
const SCRATCH = /^berth\/(?:tmp|health)\//;
const DIGEST = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

/** Looks at every file below a root directory, while no server runs there. */
export async function auditLayout(root: string): Promise<Audit> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
  const complaints: string[] = [];
  const blobs = new Map<string, number>();
  const linked = new Set<string>();
  const dangling: string[] = [];
  for (const file of files) {
    const encoded = BLOB.exec(file)?.[2];
    if (encoded === undefined) continue;
    const { digest, size } = await hashFile(join(root, file));
    if (digest !== encoded) complaints.push(`${file} has other bytes`);
    blobs.set(`sha256:${encoded}`, size);
  }
  for (const file of files) {
    if (LINK.test(file)) {
      const target = await readFile(join(root, file), 'utf8');
      if (!DIGEST.test(target)) complaints.push(`${file} holds ${JSON.stringify(target)}`);
      // History of a tag need not be kept; a sha512 target is a revision, whose own link names the blob.
      if (/\/index\//.test(file) || target.startsWith('sha512:')) continue;
      if (blobs.has(target)) linked.add(target);
      else dangling.push(file);
    } else if (TAG.test(file)) {
      const target = await readFile(join(root, file), 'utf8');
      const [algorithm = '', encoded = ''] = target.split(':');
      const revision = join(
        dirname(dirname(dirname(dirname(file)))),
        'revisions',
        algorithm,
        encoded,
        'link',
      );
      if (!files.includes(revision)) dangling.push(file);
    } else if (!BLOB.test(file) && !UPLOAD.test(file) && !INDEX.test(file) && !SCRATCH.test(file)) {
      complaints.push(`nothing explains ${file}`);
    }
  }
  const garbage = [...blobs.keys()].filter((digest) => !linked.has(digest));
  return {
    complaints,
    blobs: blobs.size,
    garbage,
    garbageBytes: garbage.reduce((sum, digest) => sum + (blobs.get(digest) ?? 0), 0),
    dangling,
    uploads: files.filter((file) => UPLOAD.test(file)),
    scratch: files.filter((file) => SCRATCH.test(file)),
  };
}

/** What garbage collection would do, so that the store stays small. */
export async function sweep(root: string, { garbage }: Audit): Promise<void> {
  for (const digest of garbage) {
    const encoded = digest.slice('sha256:'.length);
    const folder = join(root, 'docker/registry/v2/blobs/sha256', encoded.slice(0, 2), encoded);
    await rm(join(folder, 'data'));
    await rmdir(folder);
  }
}

async function hashFile(path: string): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  const file = createReadStream(path);
  await pipeline(file, hash);
  return { digest: hash.digest('hex'), size: file.bytesRead };
}
