import type { EndpointSettings } from '../../runtime/container/index.js';
import { inspectNetwork, type NetworkRequest } from '../../runtime/networks/index.js';
import { type Handler, sendEmpty, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { readJsonBody } from '../json-body.js';
import { filtersOf } from '../query.js';

const LIST_FILTERS = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const PRUNE_FILTERS = ['label', 'label!', 'until'];

/** `docker network ls`; who is in them is for {@link networkInspect} to say. */
export const networkList: Handler = async ({ containers }, { query, answer }) => {
  const filters = Object.fromEntries(filtersOf(query, LIST_FILTERS));
  sendJson(
    answer,
    containers.host.networks.list(filters).map((network) => inspectNetwork(network)),
  );
};

/** `docker network create`. What the members mean is the runtime's to say, and to refuse. */
export const networkCreate: Handler = async ({ containers }, { message, answer }) => {
  const body = await readJsonBody(message);
  const network = await containers.host.networks.create(body as NetworkRequest);
  sendJson(answer, { Id: network.id, Warning: '' }, 201);
};

/** `docker network inspect`. */
export const networkInspect: Handler = async ({ containers }, { name, answer }) => {
  const { networks } = containers.host;
  const network = networks.get(name);
  sendJson(answer, inspectNetwork(network, networks.members(network)));
};

/** `docker network rm`. */
export const networkDelete: Handler = async ({ containers }, { name, answer }) => {
  containers.host.networks.remove(name);
  sendEmpty(answer, 204);
};

/** `docker network connect`: one more for a container. */
export const networkConnect: Handler = async ({ containers }, { name, message, answer }) => {
  const { Container, EndpointConfig } = await readJsonBody(message);
  await containers.host.connect(containerOf(Container), name, (EndpointConfig ?? {}) as EndpointSettings);
  sendEmpty(answer, 200);
};

/** `docker network disconnect`: one less. */
export const networkDisconnect: Handler = async ({ containers }, { name, message, answer }) => {
  const { Container, Force } = await readJsonBody(message);
  await containers.host.disconnect(containerOf(Container), name, { force: Force === true });
  sendEmpty(answer, 200);
};

/** `docker network prune`: those that no container is in. */
export const networkPrune: Handler = async ({ containers }, { query, answer }) => {
  const removed = containers.host.networks.prune(Object.fromEntries(filtersOf(query, PRUNE_FILTERS)));
  sendJson(answer, { NetworksDeleted: removed.length > 0 ? removed : null });
};

function containerOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new EngineError(400, 'Container must be the name or id of a container');
}
