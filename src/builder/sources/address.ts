import { findGitUrl } from './git-url.js';

/** Whether the text is an address of http. */
export function isWebUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** Whether a context is no directory, and must be fetched or read. */
export function isFetchedContext(spec: string): boolean {
  return spec === '-' || isWebUrl(spec) || findGitUrl(spec, { shorthand: true, file: true }) !== undefined;
}

/** What lies behind a source of ADD; `undefined`: a path of the context. */
export function remoteKind(source: string): 'git' | 'web' | undefined {
  if (findGitUrl(source) !== undefined) return 'git';
  return isWebUrl(source) ? 'web' : undefined;
}
