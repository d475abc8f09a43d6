import { createProgram } from './program.js';

const program = createProgram();
program.parseAsync(process.argv).catch(async (error: unknown) => {
  const { reportFailure } = await import('./failure.js');
  process.exitCode = reportFailure(error, { debug: process.argv.includes('--debug') });
});
