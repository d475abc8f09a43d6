import { createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_TEXT_BYTES } from '../context/text-file.js';
import type { Material } from '../material.js';
import { isFetchedContext } from './address.js';
import { isArchive, peek, unpack } from './archive.js';
import { type DownloadOptions, downloadMaterial, fetchUrl } from './download.js';
import { FetchError, shownUrl } from './errors.js';
import { fetchGit, gitMaterial } from './git.js';
import { findGitUrl } from './git-url.js';

/** What a build works on. */
export type OpenedContext = Readonly<{
  /** Empty when all there is is a Dockerfile. */
  directory: string;
  /** The text of the Dockerfile, when it is not in the directory. */
  dockerfile?: string;
  /** What was fetched, when it was. */
  material?: Material;
  /** Removes what was fetched. Nothing happens to a directory of the caller's. */
  cleanup: () => void;
}>;

export type ContextOptions = Pick<
  DownloadOptions,
  'authorities' | 'proxyEnv' | 'secrets' | 'signal' | 'userAgent'
> &
  Readonly<{
    /** Where fetched contexts are put. */
    temporaryDirectory: string;
    /** What `-` reads. */
    stdin: AsyncIterable<Uint8Array>;
    /** Of git. */
    env?: NodeJS.ProcessEnv;
    keepGitDirectory?: boolean;
    onStatus?: (text: string) => void;
  }>;

/**
 * Opens what `build` is given: a directory, `-` for standard input (a Dockerfile, or a tar, compressed or not), an
 * address of git, or one of http with the same choice.
 * @throws {FetchError} it cannot be had. @throws {TarError} it is a broken tar.
 */
export async function openContext(spec: string, options: ContextOptions): Promise<OpenedContext> {
  if (!isFetchedContext(spec)) return { directory: spec, cleanup: () => {} };
  const temporary = mkdtempSync(join(options.temporaryDirectory, 'context-'));
  const cleanup = () => rmSync(temporary, { recursive: true, force: true });
  try {
    return { ...(await fetched(spec, temporary, options)), cleanup };
  } catch (error) {
    cleanup();
    throw error;
  }
}

async function fetched(spec: string, temporary: string, options: ContextOptions) {
  const directory = join(temporary, 'files');
  mkdirSync(directory, { mode: 0o755 });
  if (spec === '-') return readStream(options.stdin, 'standard input', directory, options);
  const git = findGitUrl(spec, { shorthand: true, file: true });
  if (git !== undefined) {
    const fetched = await fetchGit(git, { ...options, directory });
    return { directory: fetched.directory, material: gitMaterial(spec, fetched) };
  }
  options.onStatus?.(`fetching ${shownUrl(spec)}`);
  const file = await fetchUrl(spec, { ...options, directory: temporary });
  const read = await readStream(createReadStream(file.path), shownUrl(spec), directory, options);
  return { ...read, material: downloadMaterial(spec, file) };
}

async function readStream(
  source: AsyncIterable<Uint8Array>,
  name: string,
  directory: string,
  { signal }: ContextOptions,
): Promise<Pick<OpenedContext, 'directory' | 'dockerfile'>> {
  const { start, whole } = await peek(source);
  if (start.length === 0) throw new FetchError(`${name} is empty: it should be a Dockerfile or a tar`);
  if (!isArchive(start)) return { directory, dockerfile: await readText(whole, name) };
  await unpack(whole, directory, signal);
  return { directory };
}

async function readText(source: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > MAX_TEXT_BYTES) throw new FetchError(`${name} is no tar, and too long for a Dockerfile`);
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}
