import type { Repository } from '../../client/index.js';
import { ImageNotFoundError } from '../../content/index.js';
import { pullImage } from '../../image/index.js';
import {
  formatReference,
  hostPlatform,
  isNameOnly,
  keyText,
  type Platform,
  parseReference,
  parseTag,
  type Reference,
  shortReference,
} from '../../oci/index.js';
import type { EngineCall } from '../call.js';
import type { Engine } from '../engine.js';
import { EngineError } from '../errors.js';
import { JsonStream } from '../json-stream.js';
import { textOf } from '../query.js';
import { credentialsFrom } from '../registry-credentials.js';
import { labelsOf, postImage } from './image-events.js';
import { platformOf } from './inspect.js';
import { transferLines } from './transfer-lines.js';

/** `docker pull`: `fromImage` is a repository, with `tag` (a digest, perhaps), or without one for all of its tags. */
export async function pull(engine: Engine, call: EngineCall): Promise<void> {
  const { query, message, answer, signal } = call;
  const image = textOf(query, 'fromImage') ?? '';
  const tag = textOf(query, 'tag');
  const wanted = parseReference(withTag(image, tag));
  await using client = await engine.openClient(credentialsFrom(message.headers['x-registry-auth']), signal);
  const repository = client.repository(wanted.registry, wanted.repository);
  const isAll = tag === undefined && isNameOnly(image);
  const references = isAll ? await allTags(repository, wanted) : [wanted];
  const stream = new JsonStream(answer);
  for (const reference of references) await pullOne(engine, call, { repository, reference, stream });
  stream.end();
}

/** A tag may be a digest, and the name may have one of both already. */
function withTag(image: string, tag: string | undefined): string {
  if (tag === undefined) return image;
  return tag.includes(':') ? `${image.replace(/@.*$/, '')}@${tag}` : `${image}:${tag}`;
}

async function allTags(repository: Repository, reference: Reference): Promise<Reference[]> {
  const tags = await Array.fromAsync(repository.tags());
  if (tags.length === 0) throw new EngineError(404, `${repository.name} has no tags`);
  return tags.map((tag) => ({ ...reference, key: { tag: parseTag(tag) } }));
}

type One = Readonly<{ repository: Repository; reference: Reference; stream: JsonStream }>;

async function pullOne(
  engine: Engine,
  { query, signal }: EngineCall,
  { repository, reference, stream }: One,
): Promise<void> {
  using store = engine.openStore();
  const stated = platformOf(query);
  const platform: Platform = stated ?? { ...hostPlatform(), os: 'linux' };
  const short = shortReference(reference);
  const pulling = pullImage(repository, reference, store, {
    platform,
    isPlatformStated: stated !== undefined,
    referrers: false,
    onResolved: () =>
      stream.write({ status: `Pulling from ${reference.repository}`, id: keyText(reference.key) }),
    onProgress: transferLines(stream, 'pull'),
    note: (text) => stream.write({ status: text }),
    signal,
  });
  const { resolved, root, isPresent } = await pulling.catch((error: unknown) => {
    if (!(error instanceof ImageNotFoundError)) throw error;
    throw new EngineError(404, `manifest for ${short} not found: the registry has no such image`, {
      cause: error,
    });
  });
  const done = isPresent ? 'Image is up to date for' : 'Downloaded newer image for';
  stream.write({ status: `Digest: ${resolved.digest}` });
  stream.write({ status: `Status: ${done} ${short}` });
  const record = store.get(root.digest);
  const name = 'tag' in reference.key ? short : formatReference(reference);
  postImage(engine.events, 'pull', short, name.replace(/[:@][^/]*$/, ''), labelsOf(store, record));
}
