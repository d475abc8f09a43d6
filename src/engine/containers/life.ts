import { ImageNotFoundError } from '../../content/index.js';
import { type CreateBody, parseHostConfig, pruneContainers } from '../../runtime/container/index.js';
import { type Handler, sendEmpty, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { findFailure } from '../failure.js';
import { platformOf } from '../images/inspect.js';
import { readJsonBody } from '../json-body.js';
import { filtersOf, isSet, numberOf, textOf } from '../query.js';
import type { EngineRequest } from '../request.js';

/** `docker create`. What the members mean is the runtime's to say, and to refuse. */
export const containerCreate: Handler = async ({ containers }, { query, message, answer }) => {
  const body = await readJsonBody(message);
  if (typeof body.Image !== 'string' || body.Image === '')
    throw new EngineError(400, 'Config.Image must be the name of an image');
  const name = textOf(query, 'name');
  const warnings: string[] = [];
  const onNotice = (text: string) => void warnings.push(text);
  const options = { name, platform: platformOf(query), onNotice };
  const { id } = await containers.host.create(body as CreateBody, options).catch(notMissing);
  sendJson(answer, { Id: id, Warnings: warnings }, 201);
};

/** `docker start`. Whoever has attached before sees all that it prints. */
export const containerStart: Handler = async ({ containers, attachments }, { name, answer, signal }) => {
  const { id } = await containers.host.get(name);
  const outcome = await containers.host.start(id, {
    attach: () => attachments.openAll(id),
    attend: (care) => containers.attend(id, care),
    signal,
  });
  answered(answer, outcome);
};

export const containerStop: Handler = async ({ containers }, { name, query, answer, signal }) => {
  answered(answer, await containers.host.stop(name, { ...endingOf(query), until: signal }));
};

export const containerRestart: Handler = async ({ containers }, { name, query, answer, signal }) => {
  await containers.host.restart(name, { ...endingOf(query), until: signal });
  sendEmpty(answer, 204);
};

export const containerKill: Handler = async ({ containers }, { name, query, answer }) => {
  await containers.host.kill(name, textOf(query, 'signal') || 'SIGKILL');
  sendEmpty(answer, 204);
};

export const containerPause: Handler = async ({ containers }, { name, answer }) => {
  await containers.host.pause(name);
  sendEmpty(answer, 204);
};

export const containerUnpause: Handler = async ({ containers }, { name, answer }) => {
  await containers.host.unpause(name);
  sendEmpty(answer, 204);
};

export const containerRename: Handler = async ({ containers }, { name, query, answer }) => {
  await containers.host.rename(name, textOf(query, 'name') ?? '');
  sendEmpty(answer, 204);
};

export const containerDelete: Handler = async ({ containers }, { name, query, answer }) => {
  await containers.host.remove(name, {
    force: isSet(query, 'force'),
    volumes: isSet(query, 'v'),
    link: isSet(query, 'link'),
  });
  sendEmpty(answer, 204);
};

/** `docker update`: limits, and when to start it again. */
export const containerUpdate: Handler = async ({ containers }, { name, message, answer }) => {
  const { RestartPolicy, ...limits } = parseHostConfig(await readJsonBody(message));
  await containers.host.update(name, {
    limits,
    ...(RestartPolicy?.Name && { restartPolicy: RestartPolicy }),
  });
  sendJson(answer, { Warnings: null });
};

/** `docker container prune`: those that do not run. */
export const containerPrune: Handler = async ({ containers }, { query, answer }) => {
  const filters = [...filtersOf(query, ['label', 'label!', 'until'])].flatMap(([key, values]) =>
    values.map((value) => `${key}=${value}`),
  );
  const chosen = containers.choose(await containers.host.list(), filters);
  const { ids, reclaimedBytes } = await pruneContainers(containers.host, chosen);
  sendJson(answer, { ContainersDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: reclaimedBytes });
};

/** Clients take 404 here for an image that is missing, and pull it: other things that are missing are bad requests. */
function notMissing(error: unknown): never {
  const failure = findFailure(error);
  if (failure?.status !== 404 || error instanceof ImageNotFoundError) throw error;
  throw new EngineError(400, failure.message, { cause: error });
}

/** 304 for what was so already. */
function answered(answer: Parameters<Handler>[1]['answer'], outcome: 'changed' | 'unchanged'): void {
  answer.writeHead(outcome === 'changed' ? 204 : 304).end();
}

function endingOf(query: EngineRequest['query']): Readonly<{ seconds?: number; signal?: string }> {
  const [seconds, signal] = [numberOf(query, 't'), textOf(query, 'signal')];
  return { ...(seconds !== undefined && { seconds }), ...(signal !== undefined && { signal }) };
}
