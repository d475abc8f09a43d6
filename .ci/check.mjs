// Everything that must hold before a change lands: `npm test`.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const project = (name) => `--project=${name}`;
const vitest = ['vitest', 'run', '--config', 'test/vitest.config.ts'];
const steps = [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['types', 'tsc', '--noEmit', '-p', '.'],
  ['unused code', 'knip'],
  ['unit tests', ...vitest, project('unit')],
  [
    'builds, clients, containers, servers and faults',
    ...vitest,
    ...['integration', 'faults', 'alone'].map(project),
  ],
];

for (const [title, command, ...args] of steps) {
  const started = performance.now();
  console.log(`\n── ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    console.error(`\n${title}: failed`);
    process.exit(1);
  }
  console.log(`${title}: passed (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
