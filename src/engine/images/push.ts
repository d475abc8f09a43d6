import { ImageNotFoundError } from '../../content/index.js';
import { namesOfRepository, pushImage } from '../../image/index.js';
import { isNameOnly, keyText, parseReference, shortName, shortReference } from '../../oci/index.js';
import type { Handler } from '../call.js';
import { EngineError } from '../errors.js';
import { JsonStream } from '../json-stream.js';
import { textOf } from '../query.js';
import { credentialsFrom } from '../registry-credentials.js';
import { postImage } from './image-events.js';
import { platformOf } from './inspect.js';
import { transferLines } from './transfer-lines.js';

/** `docker push`: one tag of the repository in the name, or without `tag` all of them. */
export const imagePush: Handler = async (engine, { name, query, message, answer, signal }) => {
  using store = engine.openStore();
  const tag = textOf(query, 'tag');
  const names = tag === undefined && isNameOnly(name) ? namesOfRepository(store, name) : [tagged(name, tag)];
  if (names.length === 0) throw new ImageNotFoundError(name);
  const chosen = names.map((each) => ({ record: store.get(each), to: parseReference(each) }));
  await using client = await engine.openClient(credentialsFrom(message.headers['x-registry-auth']), signal);
  const stream = new JsonStream(answer);
  const platform = platformOf(query) ?? 'all';
  for (const { record, to } of chosen) {
    if (!('tag' in to.key)) throw new EngineError(400, 'cannot push a digest reference');
    stream.write({ status: `The push refers to repository [${to.registry}/${to.repository}]` });
    const { digest, size } = await pushImage(
      store,
      record,
      client.repository(to.registry, to.repository),
      to,
      {
        compression: 'gzip',
        platform,
        referrers: true,
        onProgress: transferLines(stream, 'push'),
        signal,
      },
    );
    const key = keyText(to.key);
    stream.write({ status: `${key}: digest: ${digest} size: ${size}` });
    stream.write({ progressDetail: {}, aux: { Tag: key, Digest: digest, Size: size } });
    postImage(engine.events, 'push', shortReference(to), shortName(to));
  }
  stream.end();
};

function tagged(name: string, tag: string | undefined): string {
  return tag === undefined ? name : `${name}:${tag}`;
}
