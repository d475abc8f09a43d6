/**
 * What a build takes from elsewhere: contexts that are no directory, and addresses in ADD. Fetched by http, or by the
 * program git, into directories of the caller's. Start with context.ts; fetched-sources.ts is for ADD.
 */
export { isFetchedContext, remoteKind } from './address.js';
export { type ContextOptions, type OpenedContext, openContext } from './context.js';
export { type Download, type DownloadOptions, fetchUrl } from './download.js';
export { FetchError } from './errors.js';
export { FetchedSources, type FetchedSourcesOptions } from './fetched-sources.js';
export { fetchGit, type GitOptions } from './git.js';
export { findGitUrl, type GitUrl } from './git-url.js';
export { findRevision, type Revision } from './local-git.js';
