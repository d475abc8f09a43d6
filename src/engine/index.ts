/**
 * The Engine API of docker: requests over unix sockets to what the other folders do, and their answers. Makes nothing by
 * itself, and listens nowhere: cli/engine.ts does. Start with operations.ts, all that is answered, and dispatch.ts, by
 * which file; engine.ts is what those are given, server.ts what every request passes first.
 */
export { Attachments } from './containers/attachments.js';
export { Execs } from './containers/execs.js';
export type { BuildRequest, Engine, EngineBuilder, EngineLog, EngineParts } from './engine.js';
export { eventJson, type PostedEvent } from './events/event.js';
export { EventBus } from './events/event-bus.js';
export { acceptsEvent, EVENT_FILTERS } from './events/event-filter.js';
export { SEARCH_FILTERS, searchImages } from './images/search.js';
export { EngineServer } from './server.js';
export { type DiskUsageJson, diskUsageJson } from './system/disk-usage.js';
export { infoJson } from './system/info.js';
export { versionJson } from './system/version.js';
