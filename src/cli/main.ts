import { CommanderError } from 'commander';
import { helpOutput } from './help-output.js';
import { createProgram } from './program.js';

async function report(error: unknown): Promise<number> {
  // The help or the mistake is printed already.
  if (error instanceof CommanderError) return error.exitCode === 1 ? 2 : error.exitCode;
  const { reportFailure } = await import('./failure.js');
  return reportFailure(error, { debug: process.argv.includes('--debug') });
}

/** Whoever reads has seen enough, as `head` has: nothing is said, but not everything was done. */
async function readerGone(): Promise<number> {
  return (await import('../oci/index.js')).READER_GONE;
}

/** Says what becomes of failures to write to the streams of the process. */
function watchStreams(): void {
  // `serve` writes its logs past these streams, and does not stop for want of a reader.
  if (!process.argv.includes('serve')) {
    whenUsed('stdout', async (error) => {
      process.exit(error.code === 'EPIPE' ? await readerGone() : await report(error));
    });
  }
  whenUsed('stderr', () => {}); // nobody is left to tell
}

/** Node makes a stream when it is first asked for, and loads what that needs; commands that print little go without. */
function whenUsed(name: 'stdout' | 'stderr', onError: (error: NodeJS.ErrnoException) => void): void {
  const original = Object.getOwnPropertyDescriptor(process, name) ?? {};
  const get = () => {
    Object.defineProperty(process, name, original);
    return process[name].on('error', onError);
  };
  Object.defineProperty(process, name, { ...original, get });
}

watchStreams();
// Nothing is left to do. Node would take everything down piece by piece; the kernel does it at once.
process.once('beforeExit', () => process.exit());
createProgram(process.argv.slice(2), helpOutput())
  .parseAsync(process.argv)
  .catch(async (error: unknown) => {
    process.exitCode = await report(error);
  })
  .finally(() => {
    // After a signal nobody waits for what others have not read yet.
    if (Number(process.exitCode) > 128) process.exit();
  });
