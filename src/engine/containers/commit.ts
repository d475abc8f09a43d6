import { applyChanges } from '../../builder/index.js';
import { formatReference } from '../../oci/index.js';
import { type ContainerConfig, commitContainer, parseCreateBody } from '../../runtime/container/index.js';
import { type Handler, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { namedBy } from '../images/names.js';
import { readJsonBody } from '../json-body.js';
import { isSet, textOf } from '../query.js';

/** `docker commit`. */
export const imageCommit: Handler = async (engine, { query, message, answer, signal }) => {
  const container = textOf(query, 'container');
  if (container === undefined) throw new EngineError(400, 'name a container: container=');
  const config: ContainerConfig = parseCreateBody(await readJsonBody(message));
  const repository = textOf(query, 'repo');
  // Older clients put all instructions into one value.
  const changes = query.getAll('changes').flatMap((text) => text.split('\n'));
  using store = engine.openStore();
  const Id = await commitContainer(engine.containers.host, store, container, {
    names: repository === undefined ? [] : [formatReference(namedBy(repository, textOf(query, 'tag')))],
    author: textOf(query, 'author') ?? '',
    comment: textOf(query, 'comment') ?? '',
    config,
    change: (before) => applyChanges(changes, before),
    pause: !query.has('pause') || isSet(query, 'pause'),
    signal,
  });
  sendJson(answer, { Id }, 201);
};
