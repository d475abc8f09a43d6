import { mkdtempSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryTree } from '../context/directory-tree.js';
import type { RemoteRequest, RemoteSource, RemoteSources } from '../remote-sources.js';
import { type DownloadOptions, downloadMaterial, fetchUrl } from './download.js';
import { fetchGit, gitMaterial } from './git.js';
import { findGitUrl, type GitUrl } from './git-url.js';

export type FetchedSourcesOptions = Pick<
  DownloadOptions,
  'authorities' | 'proxyEnv' | 'secrets' | 'userAgent'
> &
  Readonly<{
    /** Where files are put; they stay until the caller removes it. */
    temporaryDirectory: string;
    /** Of git. */
    env?: NodeJS.ProcessEnv;
  }>;

/** Sources of ADD that lie elsewhere, each fetched into a directory of its own. */
export class FetchedSources implements RemoteSources {
  readonly #options: FetchedSourcesOptions;

  constructor(options: FetchedSourcesOptions) {
    this.#options = options;
  }

  /** @throws {FetchError} */
  async fetch(request: RemoteRequest): Promise<RemoteSource> {
    const directory = mkdtempSync(join(this.#options.temporaryDirectory, 'add-'));
    const git = findGitUrl(request.url);
    return git === undefined ? this.#download(request, directory) : this.#clone(git, request, directory);
  }

  async #download({ url, checksum, signal }: RemoteRequest, directory: string): Promise<RemoteSource> {
    const file = await fetchUrl(url, { ...this.#options, directory, signal, ...(checksum && { checksum }) });
    renameSync(file.path, join(directory, file.fileName));
    utimesSync(join(directory, file.fileName), file.mtime, file.mtime);
    const material = downloadMaterial(url, file);
    return { tree: new DirectoryTree(directory, { name: url }), path: file.fileName, kind: 'file', material };
  }

  async #clone(git: GitUrl, request: RemoteRequest, directory: string): Promise<RemoteSource> {
    const { url, checksum, keepGitDirectory, signal, onStatus } = request;
    const fetched = await fetchGit(git, {
      ...this.#options,
      directory,
      signal,
      onStatus,
      ...(keepGitDirectory && { keepGitDirectory }),
      ...(checksum && { checksum }),
    });
    const material = gitMaterial(url, fetched);
    return { tree: new DirectoryTree(fetched.directory, { name: url }), path: '', kind: 'git', material };
  }
}
