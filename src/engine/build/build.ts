import { CommandFailedError, StepError } from '../../builder/index.js';
import { parseTime } from '../../image/index.js';
import { parseReference, shortReference } from '../../oci/index.js';
import { type Handler, sendJson } from '../call.js';
import { postImage } from '../images/image-events.js';
import { JsonStream } from '../json-stream.js';
import { filtersOf, isSet, numberOf } from '../query.js';
import { allCredentialsFrom } from '../registry-credentials.js';
import { BuildLines } from './build-lines.js';
import { parseBuildQuery } from './build-query.js';

/** `docker build` with the classic builder's API. */
export const imageBuild: Handler = async (engine, { query, message, answer, signal }) => {
  const asked = parseBuildQuery(query);
  const credentials = allCredentialsFrom(message.headers['x-registry-config']);
  const stream = new JsonStream(answer);
  const progress = new BuildLines(stream, { quiet: isSet(query, 'q') });
  try {
    const id = await engine.builder.build({ ...asked, body: message, credentials, progress, signal });
    const names = asked.names.map((name) => shortReference(parseReference(name)));
    for (const name of names) postImage(engine.events, 'tag', id, name);
    progress.finish(id, names);
    stream.end();
  } catch (error) {
    const failed = error instanceof StepError ? error.cause : error;
    // Once lines were sent, the client takes its exit code from the last one.
    if (!(failed instanceof CommandFailedError)) throw error;
    stream.fail(failed.message, failed.exitCode);
    stream.end();
  }
};

/** `docker builder prune`. */
export const buildPrune: Handler = async (engine, { query, answer }) => {
  const filters = filtersOf(query, ['until', 'unused-for']);
  const [age] = filters.get('until') ?? filters.get('unused-for') ?? [];
  const keepBytes = numberOf(query, 'keep-storage') || undefined;
  const { ids, reclaimedBytes } = await engine.builder.pruneCache({
    all: isSet(query, 'all'),
    ...(age !== undefined && { until: parseTime(age) }),
    ...(keepBytes !== undefined && { keepBytes }),
  });
  engine.events.post({
    type: 'builder',
    action: 'prune',
    id: '',
    attributes: { reclaimed: String(reclaimedBytes) },
  });
  sendJson(answer, { CachesDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: reclaimedBytes });
};
