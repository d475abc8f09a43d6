/**
 * Containers on runc or crun. Here: root filesystems from layers, the runtime's config.json, and single commands that make
 * layers, for the builder. Start with layer/run-step.ts (what is asked for) and step-container.ts (how it is done);
 * user-namespace.ts is how people who are not root get the same. Containers with a life of their own have the face
 * container/index.ts.
 */

export { Containers, type ContainersOptions } from './containers.js';
export { RuntimeError, RuntimeUnavailableError, UserNotFoundError } from './errors.js';
