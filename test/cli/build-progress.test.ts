import { expect, it } from 'vitest';
import { PlainBuildProgress } from '../../src/cli/build-progress.js';

it('shows names of steps and failures without control characters, and output as it is', () => {
  const written: string[] = [];
  const progress = new PlainBuildProgress({ write: (text) => written.push(text) });
  const step = progress.begin('[1/1] COPY \x1b]0;title\x07 \\\n  b');
  step.output('stdout', Buffer.from('\x1b[32mgreen\x1b[0m\n'));
  step.failed(new Error('no \x1b[31mfile'));
  progress.warn('\x9b2J is left out');
  expect(written.join('').replace(/\d+\.\d+/g, 'N')).toBe(
    '#1 [1/1] COPY ?]0;title? \\ b\n#1 N \x1b[32mgreen\x1b[0m\n#1 ERROR: no ?[31mfile\n\nwarning: ?2J is left out\n',
  );
});
