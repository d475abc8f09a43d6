import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Builder, berth, buildah, docker } from './builders/builders.ts';
import { BASE, type Sizes } from './builders/contexts.ts';
import { type Measured, type Report, table, writeReport } from './builders/report.ts';
import { type Group, groupsFor, type Place } from './builders/rows.ts';
import { describeMachine } from './machine.ts';
import type { Sample } from './measure.ts';
import { runInNamespace } from './namespace.ts';
import { berth as berthServer, RunningServer, serverFolder } from './peers.ts';

const HELP = `Measures berth build against docker build (classic and BuildKit) and buildah on this machine.

  npm run bench:build -- [options]

  --quick         one repetition and small sizes: whether the harness works; writes nothing
  --rounds N      repetitions, of which the median counts (default: 3)
  --only GROUP    measure one group of rows; may be repeated; writes nothing without --out
  --berth-only    leave the others out
  --out DIR       for build.md, build.json and build.svg (default: bench/results)
  --dir DIR       for the stores of all builders, on the disk to measure (default: bench/.work)
  --help

Needs root, and the Debian packages docker.io, buildah, runc, busybox-static and iproute2. It runs in a network
namespace of its own.
`;

const FULL: Sizes = {
  smallFiles: 20_000,
  smallFileBytes: 4096,
  bigFileBytes: 500 * 2 ** 20,
  ignoredFiles: 100_000,
};
const QUICK: Sizes = {
  smallFiles: 500,
  smallFileBytes: 4096,
  bigFileBytes: 20 * 2 ** 20,
  ignoredFiles: 2000,
};
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', multiple: true, default: [] },
    'berth-only': { type: 'boolean', default: false },
    out: { type: 'string' },
    dir: { type: 'string', default: path.join(import.meta.dirname, '.work') },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  if (runInNamespace()) return;
  const sizes = values.quick ? QUICK : FULL;
  const groups = groupsFor(sizes).filter(({ id }) => values.only.length === 0 || values.only.includes(id));
  mkdirSync(values.dir, { recursive: true });
  const directory = mkdtempSync(path.join(path.resolve(values.dir), 'build-'));
  const builders: Builder[] = [];
  const server = await RunningServer.start(berthServer(), serverFolder(path.join(directory, 'registry')));
  try {
    builders.push(berth(directory));
    if (!values['berth-only']) builders.push(...(await docker(directory)).toReversed(), buildah(directory));
    await loadBase(builders, directory);
    const measured: Measured[] = [];
    for (const group of groups) {
      const at = { directory, registry: `127.0.0.1:${server.port}`, sizes };
      measured.push(...(await measureGroup(group, builders, at)));
    }
    const versions = Object.fromEntries(builders.map(({ name, version }) => [name, version]));
    report({ machine: describeMachine(directory, versions), rounds: Number(values.rounds), measured });
  } finally {
    await Promise.all([server.stop(), ...builders.map((builder) => builder.stop())]);
    removeAll(directory);
  }
}

/** Builders take turns, so that a disturbance hits all; the first round is a small one that warms up and does not count. */
async function measureGroup(group: Group, builders: readonly Builder[], at: Place): Promise<Measured[]> {
  const samples = new Map(group.rows.map(({ id }) => [id, new Map<string, Sample[]>()]));
  const rounds = values.quick ? 1 : Number(values.rounds);
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, builder] of builders.entries()) {
      progress(`${group.id}, round ${round} of ${rounds}, ${builder.name}`);
      const isWarmUp = round === 0;
      const directory = path.join(at.directory, `contexts-${i}${isWarmUp ? '-small' : ''}`);
      const place = { ...at, directory, sizes: isWarmUp ? QUICK : at.sizes };
      const nonce = `${group.id}-${round}-${i}-${process.pid}`;
      for (const [id, sample] of await group.measure(builder, place, nonce)) {
        if (isWarmUp) samples.get(id)?.set(builder.name, []);
        else samples.get(id)?.get(builder.name)?.push(sample);
      }
    }
  }
  return group.rows.map((row) => ({ row, samples: samples.get(row.id) ?? new Map() }));
}

/** A root file system of one static busybox. */
async function loadBase(builders: readonly Builder[], directory: string): Promise<void> {
  const root = path.join(directory, 'base');
  const tar = `${root}.tar`;
  mkdirSync(path.join(root, 'bin'), { recursive: true });
  for (const name of ['etc', 'tmp', 'proc', 'sys', 'dev']) mkdirSync(path.join(root, name));
  execFileSync('cp', ['/bin/busybox', path.join(root, 'bin')]);
  execFileSync('chroot', [root, '/bin/busybox', '--install', '-s', '/bin']);
  execFileSync('tar', ['-C', root, '-cf', tar, '.']);
  for (const builder of builders) {
    progress(`${BASE} for ${builder.name}`);
    await builder.loadBase(tar);
  }
}

function report(made: Report): void {
  process.stdout.write(`\n${table(made)}\n`);
  const partial = values.quick || values['berth-only'] || values.only.length > 0;
  const out = values.out ?? (partial ? undefined : path.join(import.meta.dirname, 'results'));
  if (out !== undefined) writeReport(out, made);
}

/** Layers of daemons that just ended may still be mounted for a moment. */
function removeAll(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
}

const began = performance.now();

function progress(what: string): void {
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${what}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
});
