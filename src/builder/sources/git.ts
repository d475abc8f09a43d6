import { spawn } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fetchedMaterial, type Material } from '../material.js';
import { FetchError, shownUrl } from './errors.js';
import type { GitUrl } from './git-url.js';

export type GitOptions = Readonly<{
  /** Where the files are to lie. It is made, and belongs to the caller, also after a failure. */
  directory: string;
  keepGitDirectory?: boolean;
  /** The commit, or how it begins, when the address has none. */
  checksum?: string;
  /** `GIT_AUTH_TOKEN` and `GIT_AUTH_HEADER`, each also with `.host`. */
  secrets?: ReadonlyMap<string, string>;
  /** PATH, HOME, SSH_AUTH_SOCK, proxies. */
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  onStatus?: (text: string) => void;
}>;

/** What was fetched, for provenance. @param url with branch and directory, as it was written. */
export function gitMaterial(url: string, { commit }: Readonly<{ commit: string }>): Material {
  return fetchedMaterial(url, { [commit.length === 64 ? 'sha256' : 'sha1']: commit });
}

/**
 * Fetches one commit, with submodules, by the program git. Files have mode 0644 or 0755, whatever the umask.
 * @returns where the files are, below `directory`, and the whole name of the commit.
 * @throws {FetchError} no git, no such ref or directory, another commit than the checksum says.
 */
export async function fetchGit(
  url: GitUrl,
  options: GitOptions,
): Promise<{ directory: string; commit: string }> {
  const checksum = options.checksum ?? url.checksum;
  const git = gitIn(url, options);
  mkdirSync(options.directory, { recursive: true });
  await git(['init', '--quiet', '--initial-branch=main']);
  options.onStatus?.(`fetching ${shownUrl(url.remote)}`);
  await git(['remote', 'add', 'origin', url.remote]);
  await git(['checkout', '--quiet', '--force', '--detach', await fetchCommit(git, url, checksum)]);
  const commit = (await git(['rev-parse', 'HEAD'])).trim();
  if (checksum !== undefined && !commit.startsWith(checksum)) {
    throw new FetchError(`${shownUrl(url.remote)} is at commit ${commit}, and not at ${checksum}`);
  }
  if (url.submodules) await git(['submodule', 'update', '--quiet', '--init', '--recursive', '--depth=1']);
  if (!(options.keepGitDirectory ?? url.keepGitDirectory ?? false)) removeGitDirectory(options.directory);
  return { directory: inside(url, options.directory), commit };
}

type Git = (args: readonly string[]) => Promise<string>;

/** A commit alone if the server gives it; all branches and tags if not, as for an abbreviated one. */
async function fetchCommit(git: Git, { ref, remote }: GitUrl, checksum: string | undefined): Promise<string> {
  const wanted = ref ?? (checksum !== undefined && checksum.length >= 40 ? checksum : 'HEAD');
  const fetchOne = (...depth: string[]) =>
    git(['fetch', '--quiet', ...depth, '--no-tags', '--force', 'origin', wanted]);
  try {
    // Servers that are only files cannot cut history.
    await fetchOne('--depth=1').catch((error) => (isAboutDepth(error) ? fetchOne() : Promise.reject(error)));
    return 'FETCH_HEAD';
  } catch (error) {
    if (!(error instanceof FetchError) || !/^[0-9a-f]{7,64}$/.test(wanted)) throw error;
  }
  await git(['fetch', '--quiet', '--force', '--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*']);
  const commit = (
    await git(['rev-parse', '--verify', '--quiet', `${wanted}^{commit}`]).catch(() => '')
  ).trim();
  if (commit === '') throw new FetchError(`${shownUrl(remote)} has no ref or commit ${wanted}`);
  return commit;
}

function isAboutDepth(error: unknown): boolean {
  return error instanceof FetchError && error.message.includes('shallow');
}

function removeGitDirectory(directory: string): void {
  rmSync(join(directory, '.git'), { recursive: true, force: true });
}

/** A link in the repository must not lead out of it. */
function inside({ remote, subdirectory = '' }: GitUrl, root: string): string {
  const path = join(root, subdirectory);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new FetchError(`${shownUrl(remote)} has no directory ${subdirectory}`);
  }
  const [realRoot, real] = [realpathSync(root), realpathSync(path)];
  if (real === realRoot || real.startsWith(`${realRoot}/`)) return real;
  throw new FetchError(`the directory ${subdirectory} leads out of ${shownUrl(remote)}`);
}

/** So much of what git says is worth repeating. */
const MAX_MESSAGE = 2000;

function gitIn(url: GitUrl, { directory, env = {}, secrets, signal }: GitOptions): Git {
  const environment = { ...env, ...isolation(), ...authentication(url, secrets) };
  return (args) =>
    new Promise((resolve, reject) => {
      const child = withUmask(() =>
        spawn('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
          cwd: directory,
          env: environment,
          stdio: ['ignore', 'pipe', 'pipe'],
          ...(signal && { signal }),
        }),
      );
      const output = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output.stderr = (output.stderr + text).slice(-MAX_MESSAGE);
      });
      child.once('error', (error) => reject(explained(error, url)));
      child.once('close', (code) => {
        if (code === 0) resolve(output.stdout);
        else reject(failed(`git ${args[0]} of ${shownUrl(url.remote)}`, output.stderr));
      });
    });
}

/** The umask is the process's own; a child takes it the moment it is made. */
function withUmask<T>(action: () => T): T {
  const before = process.umask(0o022);
  try {
    return action();
  } finally {
    process.umask(before);
  }
}

/** No questions, no settings of this machine's users. */
function isolation(): NodeJS.ProcessEnv {
  return {
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    LC_ALL: 'C',
  };
}

/**
 * In the environment, since arguments can be seen by everybody. No redirects then: git would send the header to wherever
 * they lead.
 */
function authentication(
  { remote, host }: GitUrl,
  secrets: ReadonlyMap<string, string> = new Map(),
): NodeJS.ProcessEnv {
  const find = (name: string) => secrets.get(`${name}.${host}`) ?? secrets.get(name);
  const token = find('GIT_AUTH_TOKEN');
  const basic = token && `basic ${Buffer.from(`x-access-token:${token.trim()}`).toString('base64')}`;
  const header = find('GIT_AUTH_HEADER')?.trim() ?? basic;
  if (header === undefined || header === '' || !remote.startsWith('http')) return {};
  return {
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: `http.${new URL(remote).origin}/.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: ${header}`,
    GIT_CONFIG_KEY_1: 'http.followRedirects',
    GIT_CONFIG_VALUE_1: 'false',
  };
}

function explained(error: Error, { remote }: GitUrl): Error {
  if (error.name === 'AbortError') return error;
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const reason = missing ? 'the program git is not installed' : error.message;
  return new FetchError(`cannot fetch ${shownUrl(remote)}: ${reason}`, { cause: error });
}

function failed(what: string, stderr: string): FetchError {
  const isRedirect = /returned error: 30[1278]/.test(stderr);
  const advice = isRedirect
    ? '; credentials go to no address that it redirects to: name that one instead'
    : '';
  return new FetchError(`${what} failed: ${shownText(stderr)}${advice}`);
}

function shownText(text: string): string {
  return text
    .trim()
    .replace(/(:\/\/)[^/@\s]*@/g, '$1')
    .replaceAll('\n', '; ');
}
