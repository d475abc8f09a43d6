import type { ImageEndpoint } from '../content/index.js';
import { type Descriptor, digestOfBytes, encodedOf, MEDIA_TYPES } from '../oci/index.js';
import { bare, parseStored } from './manifests.js';
import { readContent } from './read-content.js';

/** Lists of packages are longer than manifests. */
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024;

type Json = Readonly<Record<string, unknown>>;
/** New content; the last is the manifest. */
export type Restated = readonly Readonly<{ descriptor: Descriptor; bytes: Buffer }>[];

/**
 * Statements about an image, as Berth and BuildKit attach them, made to be about another form of the same image.
 * What is signed, or is not known to hold for that form too, cannot be.
 * @returns `undefined` for such. in-toto attestation spec, v1/statement.md.
 */
export async function restate(
  source: Pick<ImageEndpoint, 'name' | 'fetch'>,
  referrer: Descriptor,
  subject: Readonly<{ before: Descriptor; after: Descriptor }>,
  options: { signal?: AbortSignal },
): Promise<Restated | undefined> {
  const manifest = await readContent(source, referrer, options);
  const { layers } = parseStored(manifest, referrer);
  if (layers.length === 0 || layers.some(({ mediaType }) => mediaType !== MEDIA_TYPES.inToto))
    return undefined;
  const contents: { descriptor: Descriptor; bytes: Buffer }[] = [];
  for (const layer of layers) {
    const bytes = await readContent(source, layer, { ...options, maxBytes: MAX_STATEMENT_BYTES });
    const statement = restatement(bytes, subject);
    if (statement === undefined) return undefined;
    contents.push(contentOf(layer, statement));
  }
  const document = {
    ...(JSON.parse(manifest.toString()) as Json),
    layers: contents.map(({ descriptor }) => descriptor),
    subject: bare(subject.after),
  };
  return [...contents, contentOf(referrer, Buffer.from(JSON.stringify(document)))];
}

function restatement(
  bytes: Buffer,
  { before, after }: Readonly<{ before: Descriptor; after: Descriptor }>,
): Buffer | undefined {
  const statement = JSON.parse(bytes.toString()) as Json;
  if (!Array.isArray(statement.subject)) return undefined; // signed, perhaps
  const [was, is] = [encodedOf(before.digest), encodedOf(after.digest)];
  const subject = (statement.subject as Json[]).map((one) => {
    const digest = one.digest as Json | undefined;
    return digest?.sha256 === was ? { ...one, digest: { ...digest, sha256: is } } : one;
  });
  const isAboutIt = subject.some((one, i) => one !== (statement.subject as Json[])[i]);
  return isAboutIt ? Buffer.from(JSON.stringify({ ...statement, subject })) : undefined;
}

function contentOf(old: Descriptor, bytes: Buffer) {
  const digest = digestOfBytes('sha256', bytes);
  return { descriptor: { ...old, digest, size: bytes.length }, bytes };
}
