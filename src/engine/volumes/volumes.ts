import { inspectVolume, type VolumeRequest } from '../../runtime/volumes/index.js';
import { type Handler, sendEmpty, sendJson } from '../call.js';
import { readJsonBody } from '../json-body.js';
import { filtersOf, isSet } from '../query.js';

const LIST_FILTERS = ['dangling', 'driver', 'label', 'name'];
const PRUNE_FILTERS = ['all', 'label', 'label!'];

/** `docker volume ls`. */
export const volumeList: Handler = async ({ containers }, { query, answer }) => {
  const filters = Object.fromEntries(filtersOf(query, LIST_FILTERS));
  sendJson(answer, { Volumes: containers.host.volumes.list(filters).map(inspectVolume), Warnings: null });
};

/** `docker volume create`. What the members mean is the runtime's to say, and to refuse. */
export const volumeCreate: Handler = async ({ containers }, { message, answer }) => {
  const body = await readJsonBody(message);
  const volume = containers.host.volumes.create(body as VolumeRequest);
  sendJson(answer, inspectVolume(volume), 201);
};

export const volumeInspect: Handler = async ({ containers }, { name, answer }) => {
  sendJson(answer, inspectVolume(containers.host.volumes.get(name)));
};

export const volumeDelete: Handler = async ({ containers }, { name, query, answer }) => {
  await containers.host.volumes.remove(name, { force: isSet(query, 'force') });
  sendEmpty(answer, 204);
};

/** `docker volume prune`: those that nobody has named, before version 1.42 of the API all. */
export const volumePrune: Handler = async ({ containers }, { query, answer, version }) => {
  const given = Object.fromEntries(filtersOf(query, PRUNE_FILTERS));
  const filters = version < 42 ? { ...given, all: ['true'] } : given;
  const { removed, reclaimedBytes } = await containers.host.volumes.prune(filters);
  sendJson(answer, { VolumesDeleted: removed, SpaceReclaimed: reclaimedBytes });
};
