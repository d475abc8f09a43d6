import { inspectContainer, isActive, topContainer } from '../../runtime/container/index.js';
import { type Handler, sendJson } from '../call.js';
import { filtersOf, isSet, numberOf, textOf } from '../query.js';
import { listedContainerJson } from './container-json.js';
import { sizesOf } from './sizes.js';

const FILTERS = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
];

/** `docker ps`. */
export const containerList: Handler = async ({ containers }, { query, answer }) => {
  const filters = filtersOf(query, FILTERS);
  const texts = [...filters].flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
  const chosen = containers.choose(await containers.host.list(), texts);
  const limit = numberOf(query, 'limit') ?? 0;
  const showsAll = isSet(query, 'all') || limit > 0 || filters.has('status') || filters.has('exited');
  const shown = chosen.filter(({ state }) => showsAll || isActive(state.status));
  const now = Date.now();
  const { host } = containers;
  const lines = shown.slice(0, limit > 0 ? limit : undefined).map(async (record) => ({
    ...listedContainerJson(record, host.networks, containers.statusText(record.state, now)),
    ...(isSet(query, 'size') && (await sizesOf(host, record))),
  }));
  sendJson(answer, await Promise.all(lines));
};

/** `docker inspect`. */
export const containerInspect: Handler = async ({ containers }, { name, query, answer }) => {
  const { host } = containers;
  const record = await host.get(name);
  sendJson(answer, {
    ...inspectContainer(record, host.folder(record.id), host.networks),
    ...(isSet(query, 'size') && (await sizesOf(host, record))),
  });
};

/** `docker top`: what ps of this machine says of the container's processes. */
export const containerTop: Handler = async ({ containers }, { name, query, answer, signal }) => {
  const args = (textOf(query, 'ps_args') ?? '').split(/\s+/).filter((word) => word !== '');
  sendJson(answer, await topContainer(containers.host, name, args, { signal }));
};
