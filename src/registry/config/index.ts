/**
 * The registry's configuration: the reference's config.yml and REGISTRY_* variables, read into one typed value. Reads
 * no files and starts nothing. Start with load.ts, which names the steps; schema/ says what may be written.
 */
export { type Address, parseAddress } from './address.js';
export { configPath } from './defaults.js';
export { formatDuration, type Milliseconds, parseDuration } from './durations.js';
export { jsonSchema } from './json-schema.js';
export { type ConfigSource, type LoadedConfig, loadConfig } from './load.js';
export {
  ConfigError,
  formatNotice,
  type Notice,
  type Origin,
  type Problem,
  type SoundConfig,
} from './notices.js';
export { isAbout } from './remainder.js';
export { renderJson, renderYaml } from './render.js';
export { TOKEN_ALGORITHMS } from './schema/auth.js';
export type { Config } from './schema/config.js';
export { type Bytes, formatSize, parseSize } from './sizes.js';
export { parseUpstreamUrl } from './upstream-rules.js';
