import { spawn } from 'node:child_process';
import { cpuSecondsOf, endedChildrenCpuSeconds, memoryOf } from './process-stats.ts';

/** One build. `cpu` counts the program, what it started and its daemon; `peakBytes` is of the program alone. */
export type Sample = Readonly<{ seconds: number; cpu: number; peakBytes: number }>;

export type Command = Readonly<{
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** What works for the command, and lives longer. */
  daemon?: number;
}>;

const SAMPLE_MS = 10;

/** Runs a command to its end. @throws {Error} with the end of what it said, when it fails. */
export async function measure({ argv, env, cwd, daemon }: Command): Promise<Sample> {
  const [program = '', ...args] = argv;
  const cpuBefore = cpuOf(daemon);
  const start = performance.now();
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const listen = (data: Buffer) => {
    said = (said + data.toString()).slice(-4000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid));
  }, SAMPLE_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearInterval(sampling);
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${said}`);
  return { seconds, cpu: cpuOf(daemon) - cpuBefore, peakBytes };
}

function cpuOf(daemon: number | undefined): number {
  return endedChildrenCpuSeconds() + (daemon === undefined ? 0 : cpuSecondsOf(daemon));
}

function peakOf(pid: number | undefined): number {
  try {
    return pid === undefined ? 0 : memoryOf(pid).peak;
  } catch {
    return 0; // it has just ended
  }
}
