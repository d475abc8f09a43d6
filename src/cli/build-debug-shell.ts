import type { BuildOptions } from '../builder/index.js';
import type { BuildProgress } from './build-progress.js';

/**
 * For `--debug`: tells what has failed, and gives a shell in what it left, while nothing else is drawn. One after the
 * other, as there is one terminal.
 */
export function debugShells(progress: BuildProgress): NonNullable<BuildOptions['onFailed']> {
  let last: Promise<void> = Promise.resolve();
  return (failed, { name, error }) => {
    const open = async () => {
      using _pause = progress.pause();
      const output = error.output.trimEnd();
      const said = output === '' ? [] : ['------', ` > ${name}:`, output, '------'];
      const lines = [
        ...said,
        `berth: ${error.message}`,
        'berth: here is a shell in what it left, until you exit',
      ];
      process.stderr.write(`${lines.join('\n')}\n`);
      await failed.shell();
    };
    const opened = last.then(open);
    last = opened.catch(() => {}); // whoever waits for it is told
    return opened;
  };
}
