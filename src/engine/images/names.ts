import { removeImage } from '../../image/index.js';
import { formatReference, parseReference, shortReference } from '../../oci/index.js';
import { imagesInUse } from '../../runtime/container/index.js';
import { type Handler, sendEmpty, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { isSet, textOf } from '../query.js';
import { labelsOf, postImage, postRemoved, removedJson } from './image-events.js';

/** `docker tag`. */
export const imageTag: Handler = (engine, { name, query, answer }) => {
  using store = engine.openStore();
  const record = store.get(name);
  const target = namedBy(textOf(query, 'repo') ?? '', textOf(query, 'tag'));
  store.tagMany(record.descriptor, [formatReference(target)]);
  postImage(engine.events, 'tag', record.id, shortReference(target), labelsOf(store, record));
  sendEmpty(answer, 201);
};

/** `docker rmi`. */
export const imageDelete: Handler = (engine, { name, query, answer }) => {
  using store = engine.openStore();
  const { id } = store.get(name);
  const parts = removeImage(store, name, { force: isSet(query, 'force'), users: imagesInUse(store.root) });
  postRemoved(engine.events, id, parts);
  sendJson(answer, parts.map(removedJson));
};

/** A name that an image can be given. @throws {EngineError} 400 @throws {OciError} */
export function namedBy(repository: string, tag: string | undefined) {
  const reference = parseReference(tag === undefined ? repository : `${repository}:${tag}`);
  if ('tag' in reference.key) return reference;
  throw new EngineError(400, `refusing to create a tag with a digest reference: ${repository}`);
}
