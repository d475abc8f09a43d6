/**
 * Containers on runc or crun: root filesystems from layers, the runtime's config.json, running to the end. Today it
 * runs single commands that make layers, for the builder. Start with layer/run-step.ts (what is asked for) and
 * step-container.ts (how it is done); user-namespace.ts is how people who are not root get the same.
 */

export { Containers, type ContainersOptions } from './containers.js';
export { RuntimeError, RuntimeUnavailableError, UserNotFoundError } from './errors.js';
