import { spawn } from 'node:child_process';
import { fetchedMaterial } from '../material.js';

/** What git says of a directory. */
export type Revision = Readonly<{ source?: string; revision: string }>;

/**
 * The commit that a directory of this machine is at, and where it came from: nobody has verified that its files are
 * those. Nothing where git does not keep it, or is not installed.
 */
export async function findRevision(directory: string): Promise<Revision | undefined> {
  const revision = await answerOf(directory, ['rev-parse', '--verify', '--quiet', 'HEAD']);
  if (revision === undefined || !/^[0-9a-f]{40,64}$/.test(revision)) return undefined;
  const origin = await answerOf(directory, ['config', '--get', 'remote.origin.url']);
  // A path would tell of this machine.
  const isElsewhere = origin !== undefined && /^(https?|git|ssh):\/\/|^[^/:]+@[^/:]+:/.test(origin);
  return { ...(isElsewhere && { source: fetchedMaterial(origin, {}).uri }), revision };
}

/** Commands that read only: git runs no programs for them, whatever the repository's settings say. */
function answerOf(directory: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('git', ['-C', directory, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code === 0 ? text.trim() : undefined));
  });
}
