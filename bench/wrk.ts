import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { endedChildrenCpuSeconds } from './process-stats.ts';
import type { Work } from './work.ts';

/** A client written in C: the cheapest there is for many small GETs. It cannot send HEAD. */
export function haveWrk(): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v wrk'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @throws {Error} not every answer was a 2xx. */
export async function runWrk(
  url: string,
  options: { connections: number; seconds: number; headers: readonly string[] },
): Promise<Work> {
  const before = endedChildrenCpuSeconds();
  const headers = options.headers.flatMap((header) => ['-H', header]);
  const { stdout } = await promisify(execFile)('wrk', [
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    ...headers,
    url,
  ]);
  const [, requests, seconds] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? [];
  if (requests === undefined || /Non-2xx|Socket errors/.test(stdout))
    throw new Error(`wrk failed:\n${stdout}`);
  return {
    seconds: Number(seconds),
    cpuSeconds: endedChildrenCpuSeconds() - before,
    bytes: 0,
    requests: Number(requests),
    digests: [],
  };
}
