import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { CompressionError } from './errors.js';

const PACKAGES = { bzip2: 'bzip2', xz: 'xz-utils' } as const;
const MAX_STDERR_CHARACTERS = 2000;

/** Unpacks with a program that reads from standard input: Node has neither format. */
export async function* unpackWithProgram(
  source: AsyncIterable<Uint8Array>,
  program: keyof typeof PACKAGES,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const child = spawn(program, ['--decompress', '--stdout'], { stdio: ['pipe', 'pipe', 'pipe'], signal });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_CHARACTERS);
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  closed.catch(() => {}); // awaited below, unless the reader stops early
  const feeding = pipeline(source, child.stdin, { signal }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error; // the exit code says why
  });
  feeding.catch(() => child.kill());
  try {
    yield* child.stdout;
    await feeding;
    const [code] = await closed;
    if (code !== 0)
      throw new CompressionError(`the ${program} data is damaged or cut short: ${stderr.trim()}`);
  } catch (error) {
    throw isMissing(error) ? new CompressionError(missing(program), { cause: error }) : error;
  } finally {
    if (child.exitCode === null) child.kill();
  }
}

function missing(program: keyof typeof PACKAGES): string {
  return `unpacking ${program} data needs the program ${program}, which is not there: install the package ${PACKAGES[program]}`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT' && 'syscall' in error;
}
