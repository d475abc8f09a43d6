import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ClientProcess } from './client-process.ts';
import {
  collectIndexed,
  collectMeanwhile,
  collectUnknown,
  collectWithReference,
  type Place,
  type Pushed,
} from './collections.ts';
import type { GarbageSizes } from './fixtures.ts';
import { describeMachine } from './machine.ts';
import type { Sample as Measured } from './measure.ts';
import { berth, reference } from './peers.ts';
import { progress } from './progress.ts';
import { type Report, textTable, writeReport } from './report.ts';
import type { RowFacts, RowResult, Sample } from './results.ts';

const HELP = `Measures berth gc against docker-registry garbage-collect, on stores of which one half is garbage.

  npm run bench:gc -- [options]

  --quick           one round on a small store: whether the harness works; writes nothing
  --repositories N  of 1,000 blobs each, in each store (default: 100)
  --rounds N        repetitions, of which the median counts (default: 3)
  --berth-only      leave docker-registry out; writes nothing without --out
  --out DIR         for gc.md, gc.json and gc.svg (default: bench/results)
  --dir DIR         for the stores, on the disk to measure (default: bench/.work)
  --help
`;

const FULL = { images: 100, layers: 9, layerBytes: 1024 };
/** As many as keep the machine busy by themselves; one that leaves some of it idle; and some that wait for their lines. */
const LOADS = [
  { clients: 2, id: '', server: 'a server that takes pushes', by: '' },
  { clients: 1, id: '-one', server: 'a server to which one client pushes', by: ', by one client' },
  {
    clients: 2,
    bytesPerSecond: 12_500_000,
    id: '-lines',
    server: 'a server to which two push over lines of 100 Mbit/s',
    by: ', by two over lines of 100 Mbit/s',
  },
] as const;
const QUICK: GarbageSizes = { repositories: 10, images: 20, layers: 9, layerBytes: 1024 };

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    repositories: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    'berth-only': { type: 'boolean', default: false },
    out: { type: 'string' },
    dir: { type: 'string', default: path.join(import.meta.dirname, '.work') },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  const sizes = values.quick ? QUICK : { ...FULL, repositories: Number(values.repositories) };
  const programs = { berth: berth(), peer: values['berth-only'] ? undefined : reference() };
  mkdirSync(values.dir, { recursive: true });
  const directory = mkdtempSync(path.join(path.resolve(values.dir), 'gc-'));
  try {
    const rows = await measureRounds({ directory, sizes }, programs.peer !== undefined);
    const versions = Object.fromEntries(
      [programs.berth, programs.peer].flatMap((program) =>
        program ? [[program.name, program.version]] : [],
      ),
    );
    const machine = describeMachine(directory, versions);
    report({ machine, sides: ['Berth', 'docker-registry'], notes: [], rows }, sizes);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureRounds(place: Place, withPeer: boolean): Promise<RowResult[]> {
  await using client = new ClientProcess();
  const rounds = values.quick ? 1 : Number(values.rounds);
  const samples = { unknown: [], indexed: [], peer: [] } as Record<string, Measured[]>;
  const online = LOADS.map((load) => ({ ...load, samples: [] as Measured[], pushes: [] as Pushed[] }));
  const collect = async (name: string, one: (place: Place) => Promise<Measured>) => {
    progress(name);
    samples[name]?.push(await one(place));
  };
  for (let round = 0; round < rounds; round += 1) {
    progress(`round ${round + 1} of ${rounds}`);
    if (withPeer) await collect('peer', collectWithReference);
    await collect('unknown', collectUnknown);
    await collect('indexed', collectIndexed);
    for (const load of online) {
      progress(`collection by ${load.server}`);
      const { collection, pushed } = await collectMeanwhile(place, client, load);
      load.samples.push(collection);
      load.pushes.push(pushed);
    }
  }
  return rowsOf(samples, online, withPeer);
}

type Online = (typeof LOADS)[number] & Readonly<{ samples: readonly Measured[]; pushes: readonly Pushed[] }>;

function rowsOf(
  samples: Record<string, Measured[]>,
  online: readonly Online[],
  withPeer: boolean,
): RowResult[] {
  const seconds = (of: readonly Measured[] = []): Sample[] => of.map(({ seconds: value }) => ({ value }));
  const processor = (of: readonly Measured[] = []): Sample[] => of.map(({ cpu }) => ({ value: cpu }));
  const peaks = (of: readonly Measured[] = []): Sample[] =>
    of.map(({ peakBytes }) => ({ value: peakBytes / 2 ** 20 }));
  const row = (
    facts: RowFacts,
    ours: readonly Sample[],
    theirs: readonly Sample[] | undefined,
  ): RowResult => ({
    ...facts,
    berth: ours,
    peer: withPeer ? theirs : undefined,
  });
  const time = { unit: 's', better: 'lower', target: { ratio: 5 } } as const;
  const memory = { unit: 'MiB', better: 'lower', target: { below: 150 } } as const;
  const theirs = seconds(samples.peer);
  return [
    ...online.map((load) =>
      row(
        {
          ...time,
          id: `gc-online${load.id}`,
          title: `collection by ${load.server}`,
          note: "docker-registry's is the one while nothing serves: it knows no other",
        },
        seconds(load.samples),
        theirs,
      ),
    ),
    row(
      { ...time, id: 'gc-indexed', title: 'collection while nothing serves' },
      seconds(samples.indexed),
      theirs,
    ),
    row(
      {
        ...time,
        id: 'gc-processor',
        title: 'processor time of that',
        note: 'differs less than the others where something else keeps the machine busy',
      },
      processor(samples.indexed),
      processor(samples.peer),
    ),
    row(
      {
        ...time,
        target: { ratio: 1 },
        id: 'gc-unknown',
        title: 'the same, on a store that Berth has never seen',
        note: 'reads everything first and writes its index',
      },
      seconds(samples.unknown),
      theirs,
    ),
    row(
      { ...memory, id: 'gc-memory-online', title: "server's memory at its highest" },
      peaks(online.flatMap((load) => load.samples)),
      undefined,
    ),
    row(
      { ...memory, id: 'gc-memory', title: 'memory at its highest, while nothing serves' },
      peaks(samples.indexed),
      peaks(samples.peer),
    ),
    ...online.flatMap((load) => [
      row(
        {
          id: `gc-pushes${load.id}`,
          title: `pushes meanwhile, of those without a collection${load.by}`,
          unit: '%',
          better: 'higher',
          target: { atLeast: 90 },
        },
        load.pushes.map(({ rate }) => ({ value: rate * 100 })),
        undefined,
      ),
      row(
        {
          id: `gc-slowest-push${load.id}`,
          title: `slowest push of an image meanwhile, against the slowest without${load.by}`,
          unit: '×',
          better: 'lower',
          target: { below: 3 },
        },
        load.pushes.map(({ slowest }) => ({ value: slowest })),
        undefined,
      ),
    ]),
  ];
}

function report(made: Report, { repositories, images, layers }: GarbageSizes): void {
  const all = repositories * images;
  const notes = [
    `each store: ${(all * (layers + 1)).toLocaleString('en')} blobs of ${all.toLocaleString('en')} manifests in ${repositories} repositories; half of them without a tag, which are removed (\`--untagged\`, \`--delete-untagged\`)`,
    'every side has a store of its own each time, and leaves the same in it',
    ...made.notes,
  ];
  process.stdout.write(`\n${textTable({ ...made, notes })}`);
  const partial = values.quick || values['berth-only'];
  const out = values.out ?? (partial ? undefined : path.join(import.meta.dirname, 'results'));
  if (out === undefined) return;
  writeReport(
    out,
    { ...made, notes },
    { name: 'gc', title: 'Collections of garbage', command: 'npm run bench:gc' },
  );
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.stack}\n`);
  process.exitCode = 1;
});
