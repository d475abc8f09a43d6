/**
 * Builds images from Dockerfiles: the language is in dockerfile/, what stages become in image-state.ts, how layers are
 * made in steps/ and copy/, what is remembered in cache/. Knows no registries and no containers: see base-images.ts
 * and layer/run-step.ts for what it is given. Start with build.ts, then build-stages.ts: each stage is gone through by
 * rehearsal.ts, which runs nothing, before stage-builder.ts carries it out.
 */
export { applyChanges } from './apply-changes.js';
export type { BaseConfigs, BaseImage, BaseImages, PullPolicy, ResolveOptions } from './base-images.js';
export { build } from './build.js';
export { type BuildOptions, contextName, type NamedContext } from './build-options.js';
export type { BuildParts } from './build-stages.js';
export { CacheDatabase } from './cache/cache-database.js';
export { type CacheRecord, CacheUsage, type PruneOptions } from './cache/cache-usage.js';
export { MountDirectories } from './cache/mount-directories.js';
export {
  CACHE_MEMBER,
  limitedTo,
  type PortableCache,
  readPortableCache,
  type StepRecords,
} from './cache/portable-cache.js';
export { type ForeignCache, StepCache, type StepRecord } from './cache/step-cache.js';
export { DirectoryTree } from './context/directory-tree.js';
export { MemoryTree } from './context/memory-tree.js';
export type { SourceEntry, SourceTree } from './context/source-tree.js';
export { StatCache } from './context/stat-cache.js';
export { readTextFile } from './context/text-file.js';
export {
  type CheckOptions,
  check,
  type Dockerfile,
  DockerfileError,
  expandStages,
  type Finding,
  findTarget,
  formatDockerfileError,
  globalScope,
  IgnoreRules,
  outline,
  parseCheckOptions,
  parseDockerfile,
  printTree,
  targets,
  unusedBuildArgs,
} from './dockerfile/index.js';
export { BuildError, ChangeError, CommandFailedError, drawPlace, StepError } from './errors.js';
export { Layers, removeLostIndexes } from './layers.js';
export type { Material } from './material.js';
export type { Progress, StepProgress } from './progress.js';
export { rehearse } from './rehearse.js';
export type { RemoteRequest, RemoteSource, RemoteSources } from './remote-sources.js';
export { type ResultFile, resultFiles, writeDirectory } from './result/files.js';
export type { FileTimes } from './result/rewrite-times.js';
export {
  ANNOTATION_PLACES,
  type Annotation,
  type BuiltImage,
  type StoredImage,
  type StoredResult,
  storeResult,
} from './result/stored-result.js';
export { isFetchedContext } from './sources/address.js';
export type { Credentials } from './steps/mounts.js';
