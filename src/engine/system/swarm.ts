import { type Handler, sendJson } from '../call.js';
import { EngineError } from '../errors.js';

/** With docker's words, which clients look at: as a daemon answers that is in no swarm. */
export const swarm: Handler = (_engine, { name }) => {
  if (name === 'init' || name === 'join')
    throw new EngineError(501, 'Berth runs containers on one machine: it has no swarm mode');
  throw new EngineError(
    503,
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
};

export const plugins: Handler = (_engine, { answer }) => sendJson(answer, []);

export const otherPlugins: Handler = (_engine, { name, message }) => {
  if (message.method === 'GET')
    throw new EngineError(404, `plugin "${name.replace(/\/json$/, '')}" not found`);
  throw new EngineError(501, 'Berth has no plugins');
};
