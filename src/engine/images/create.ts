import { applyChanges } from '../../builder/index.js';
import { importImage } from '../../image/index.js';
import { formatReference, hostPlatform } from '../../oci/index.js';
import type { EngineCall, Handler } from '../call.js';
import type { Engine } from '../engine.js';
import { EngineError } from '../errors.js';
import { JsonStream } from '../json-stream.js';
import { textOf } from '../query.js';
import { postImage } from './image-events.js';
import { platformOf } from './inspect.js';
import { namedBy } from './names.js';
import { pull } from './pull.js';

/** `docker pull` and `docker import`, which share a route. */
export const imageCreate: Handler = (engine, call) =>
  textOf(call.query, 'fromSrc') === undefined ? pull(engine, call) : importTar(engine, call);

async function importTar(engine: Engine, { query, message, answer, signal }: EngineCall): Promise<void> {
  const source = textOf(query, 'fromSrc') ?? '';
  if (source !== '-')
    throw new EngineError(400, `get the file first, and import that: curl -fL ${source} | docker import -`);
  const repository = textOf(query, 'repo');
  const names = repository === undefined ? [] : [formatReference(namedBy(repository, textOf(query, 'tag')))];
  const config = applyChanges(query.getAll('changes'));
  using store = engine.openStore();
  const descriptor = await importImage(store, message, {
    config,
    platform: platformOf(query) ?? { ...hostPlatform(), os: 'linux' },
    created: new Date().toISOString(),
    comment: textOf(query, 'message') ?? 'Imported from -',
    signal,
  });
  store.tagMany(descriptor, names);
  const { id } = store.get(descriptor.digest);
  postImage(engine.events, 'import', id, id);
  const stream = new JsonStream(answer);
  stream.write({ status: id });
  stream.end();
}
