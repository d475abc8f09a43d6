import {
  ArchiveImages,
  ArchiveOutput,
  chooseImages,
  DockerArchiveWriter,
  loadImages,
  saveImages,
} from '../../image/index.js';
import { hostPlatform, parseReference, shortReference } from '../../oci/index.js';
import type { EngineCall, Handler } from '../call.js';
import type { Engine } from '../engine.js';
import { EngineError } from '../errors.js';
import { JsonStream } from '../json-stream.js';
import { isSet } from '../query.js';
import { postImage } from './image-events.js';
import { platformOf } from './inspect.js';
import { transferLines } from './transfer-lines.js';

/** `docker save`. */
export const imageGetAll: Handler = (engine, call) =>
  save(
    engine,
    call,
    call.query.getAll('names').flatMap((names) => names.split(',')),
  );

/** `docker save`, of one. */
export const imageGet: Handler = (engine, call) => save(engine, call, [call.name]);

async function save(engine: Engine, { query, answer, signal }: EngineCall, names: readonly string[]) {
  if (names.length === 0) throw new EngineError(400, 'name an image: names=');
  using store = engine.openStore();
  const chosen = chooseImages(store, names);
  const platform = platformOf(query) ?? hostPlatform();
  for (const { record } of chosen) store.image(record.descriptor); // fails while that can still be said
  answer.writeHead(200, { 'Content-Type': 'application/x-tar' });
  const output = ArchiveOutput.toStream(answer, { signal });
  await using target = new DockerArchiveWriter({
    name: 'the archive',
    output,
    temporary: () => store.temporaryDirectory(),
  });
  await saveImages(store, chosen, target, { platform, signal });
  answer.end();
  for (const { record } of chosen) postImage(engine.events, 'save', record.id, record.id);
}

/** `docker load`. */
export const imageLoad: Handler = async (engine, { query, message, answer, signal }) => {
  using store = engine.openStore();
  await using archive = await ArchiveImages.open(message, {
    temporary: () => store.temporaryDirectory(),
    signal,
  });
  const stream = new JsonStream(answer);
  const loading = loadImages(archive, archive.images, store, {
    platform: platformOf(query) ?? hostPlatform(),
    ...(!isSet(query, 'quiet') && { onProgress: transferLines(stream, 'pull') }),
    signal,
  });
  for await (const { record, names } of loading) {
    const shown = names.map((name) => `Loaded image: ${shortReference(parseReference(name))}`);
    for (const line of shown.length > 0 ? shown : [`Loaded image ID: ${record.id}`])
      stream.write({ stream: `${line}\n` });
    postImage(engine.events, 'load', record.id, record.id);
  }
  stream.end();
};
