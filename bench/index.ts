import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type GarbageSizes, writeGarbage } from './fixtures.ts';
import { describeMachine } from './machine.ts';
import { type Sample as Measured, measure } from './measure.ts';
import { berth, configure, environment, serverFolder } from './peers.ts';
import { progress } from './progress.ts';
import { type Report, textTable, writeReport } from './report.ts';
import type { RowFacts, RowResult } from './results.ts';

const HELP = `Measures berth index rebuild: what a store takes to be read into an index, and to be compared with one.

  npm run bench:index -- [options]

  --quick           one round on a small store: whether the harness works; writes nothing
  --repositories N  of 1,050 entries each (default: 100)
  --rounds N        repetitions, of which the median counts (default: 3)
  --out DIR         for index.md, index.json and index.svg (default: bench/results)
  --dir DIR         for the stores, on the disk to measure (default: bench/.work)
  --help
`;

const FULL = { images: 100, layers: 8, layerBytes: 1024 };
const QUICK: GarbageSizes = { repositories: 10, images: 20, layers: 8, layerBytes: 1024 };

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    repositories: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string' },
    dir: { type: 'string', default: path.join(import.meta.dirname, '.work') },
    help: { type: 'boolean', default: false },
  },
});

/** Of one store: without an index, and with one that agrees. */
type Round = Readonly<{ anew: Measured; again: Measured }>;

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  const sizes = values.quick ? QUICK : { ...FULL, repositories: Number(values.repositories) };
  const { name, version } = berth();
  mkdirSync(values.dir, { recursive: true });
  const directory = mkdtempSync(path.join(path.resolve(values.dir), 'index-'));
  try {
    const rounds: Round[] = [];
    for (let round = 0; round < (values.quick ? 1 : Number(values.rounds)); round += 1) {
      progress(`round ${round + 1}`);
      rounds.push(await measureOne(path.join(directory, 'store'), sizes));
    }
    const machine = describeMachine(directory, { [name]: version });
    report({ machine, sides: ['Berth', '–'], notes: [], rows: rowsOf(rounds, entriesOf(sizes)) }, sizes);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureOne(directory: string, sizes: GarbageSizes): Promise<Round> {
  const folder = serverFolder(directory);
  try {
    writeGarbage(folder, sizes);
    execFileSync('sync', ['-f', directory]);
    const argv = [berth().command, 'index', 'rebuild', configure(folder)];
    const env = { ...environment(), XDG_CACHE_HOME: folder.data };
    const anew = await measure({ argv, env });
    return { anew, again: await measure({ argv, env }) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Links to blobs, manifests, and tags: every second manifest has one. */
function entriesOf({ repositories, images, layers }: GarbageSizes): number {
  return repositories * images * (layers + 1 + 1 + 0.5);
}

function rowsOf(rounds: readonly Round[], entries: number): RowResult[] {
  const row = (facts: RowFacts, value: (round: Round) => number): RowResult => ({
    ...facts,
    berth: rounds.map((round) => ({ value: value(round) })),
    peer: undefined,
  });
  const rate = { unit: 'entries/s', better: 'higher', target: { atLeast: 10_000 } } as const;
  const processor = { unit: 'µs', better: 'lower', target: { below: 100 } } as const;
  const memory = { unit: 'MiB', better: 'lower', target: { below: 150 } } as const;
  const perEntry = (seconds: number) => (seconds / entries) * 1e6;
  return [
    row(
      { ...rate, id: 'index-anew', title: 'index made where there was none' },
      ({ anew }) => entries / anew.seconds,
    ),
    row(
      { ...processor, id: 'index-anew-processor', title: 'processor time of that, for each entry' },
      ({ anew }) => perEntry(anew.cpu),
    ),
    row(
      { ...rate, id: 'index-again', title: 'all read again, and compared with an index that agrees' },
      ({ again }) => entries / again.seconds,
    ),
    row(
      { ...processor, id: 'index-again-processor', title: 'processor time of that, for each entry' },
      ({ again }) => perEntry(again.cpu),
    ),
    row(
      { ...memory, id: 'index-memory', title: 'memory at its highest' },
      ({ anew, again }) => Math.max(anew.peakBytes, again.peakBytes) / 2 ** 20,
    ),
  ];
}

function report(made: Report, sizes: GarbageSizes): void {
  const entries = entriesOf(sizes).toLocaleString('en');
  const notes = [
    `each store: ${entries} links, manifests and tags in ${sizes.repositories} repositories; the start of the program is in every figure`,
    ...made.notes,
  ];
  process.stdout.write(`\n${textTable({ ...made, notes })}`);
  const out = values.out ?? (values.quick ? undefined : path.join(import.meta.dirname, 'results'));
  if (out === undefined) return;
  const kind = { name: 'index', title: 'Rebuilding the index', command: 'npm run bench:index' };
  writeReport(out, { ...made, notes }, kind);
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.stack}\n`);
  process.exitCode = 1;
});
