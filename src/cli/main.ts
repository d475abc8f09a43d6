import { CommanderError } from 'commander';
import { helpOutput } from './help-output.js';
import { createProgram } from './program.js';

async function report(error: unknown): Promise<number> {
  // The help or the mistake is printed already.
  if (error instanceof CommanderError) return error.exitCode === 1 ? 2 : error.exitCode;
  watchStreams();
  const { reportFailure } = await import('./failure.js');
  return reportFailure(error, { debug: process.argv.includes('--debug') });
}

let isWatching = false;

/** Says what becomes of failures to write, before anything is written to the streams of the process. */
function watchStreams(): void {
  if (isWatching) return;
  isWatching = true;
  // `serve` writes its logs past these streams, and does not stop for want of a reader.
  if (!process.argv.includes('serve')) {
    process.stdout.on('error', async (error: NodeJS.ErrnoException) => {
      // Whoever reads has seen enough, as `head` has: no failure.
      process.exit(error.code === 'EPIPE' ? process.exitCode : await report(error));
    });
  }
  process.stderr.on('error', () => {}); // nobody is left to tell
}

createProgram(process.argv.slice(2), helpOutput({ beforeStreams: watchStreams }))
  .hook('preAction', watchStreams)
  .parseAsync(process.argv)
  .catch(async (error: unknown) => {
    process.exitCode = await report(error);
  })
  .finally(() => {
    // After a signal nobody waits for what others have not read yet.
    if (Number(process.exitCode) > 128) process.exit();
  });
