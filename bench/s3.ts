import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CephCluster } from '../test/support/ceph-cluster.ts';
import { Bench, type Side, startSide } from './bench.ts';
import { Bucket } from './bucket.ts';
import { ClientProcess } from './client-process.ts';
import { writeFixtures } from './fixtures.ts';
import { describeMachine } from './machine.ts';
import { berth, type Program, reference, serverFolder } from './peers.ts';
import { progress } from './progress.ts';
import { type Report, textTable, writeReport } from './report.ts';
import { accessLogLines, cpuRows, memoryRow, peakMemoryRow } from './resource-rows.ts';
import type { RowResult } from './results.ts';
import { rowsOnS3 } from './rows.ts';
import { requestRows } from './s3-requests.ts';
import { S3, S3_QUICK } from './scale.ts';
import { seed, verifyFixtures } from './seed.ts';

const HELP = `Measures Berth against docker-registry, both on one S3 service that is started for it (Ceph's).

  npm run bench:s3 -- [options]

  --quick         few repetitions and small sizes: whether the harness works; writes nothing
  --only ROW      measure the rows whose id begins so; may be repeated; writes nothing without --out
  --berth-only    leave docker-registry out; writes nothing without --out
  --out DIR       for s3.md, s3.json and s3.svg (default: bench/results)
  --dir DIR       for the service's disk and the servers' indexes (default: bench/.work)
  --help
`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    'berth-only': { type: 'boolean', default: false },
    out: { type: 'string' },
    dir: { type: 'string', default: path.join(import.meta.dirname, '.work') },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  const programs = { berth: berth(), peer: values['berth-only'] ? undefined : reference() };
  mkdirSync(values.dir, { recursive: true });
  const directory = mkdtempSync(path.join(path.resolve(values.dir), 's3-'));
  try {
    const report = await measureOn(directory, programs);
    process.stdout.write(`\n${textTable(report)}`);
    const partial = values.quick || values['berth-only'] || values.only.length > 0;
    const out = values.out ?? (partial ? undefined : path.join(import.meta.dirname, 'results'));
    if (out !== undefined)
      writeReport(out, report, { name: 's3', title: 'Both registries on S3', command: 'npm run bench:s3' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureOn(
  directory: string,
  programs: { berth: Program; peer: Program | undefined },
): Promise<Report> {
  progress('starting the S3 service');
  const service = path.join(directory, 'ceph');
  mkdirSync(service);
  await using cluster = await CephCluster.start(service);
  using bucket = await Bucket.create(cluster.account);
  const sideOf = (program: Program): Side => {
    const folder = serverFolder(path.join(directory, program.name), {
      storage: bucket.storageBelow(program.name),
    });
    return { program, folder };
  };
  const sides = { berth: sideOf(programs.berth), peer: programs.peer && sideOf(programs.peer) };
  stopOnSignals(directory, sides);
  try {
    const { rows, notes } = await measureSides(directory, bucket, sides, cluster);
    const versions = Object.fromEntries(
      [programs.berth, programs.peer].flatMap((program) =>
        program ? [[program.name, program.version]] : [],
      ),
    );
    progress('speed of SHA-256 and of the disk');
    const machine = describeMachine(directory, versions);
    return { machine, sides: ['Berth', 'docker-registry'], notes, rows };
  } finally {
    progress('stopping everything');
    await Promise.all([sides.berth, sides.peer].map((side) => side?.server?.stop()));
  }
}

async function measureSides(
  directory: string,
  bucket: Bucket,
  sides: { berth: Side; peer: Side | undefined },
  cluster: CephCluster,
): Promise<{ rows: RowResult[]; notes: string[] }> {
  const scale = values.quick ? S3_QUICK : S3;
  const both = sides.peer ? [sides.berth, sides.peer] : [sides.berth];
  const wanted = rowsOnS3(scale).filter(
    ({ id }) => values.only.length === 0 || values.only.some((start) => id.startsWith(start)),
  );
  progress('writing repositories and tags into the bucket');
  const filled = serverFolder(path.join(directory, 'fixtures'));
  writeFixtures(filled, scale.fixtures);
  for (const { program } of both) await bucket.fill(filled.data, program.name);

  await using client = new ClientProcess();
  progress('starting both servers');
  for (const side of both) {
    await startSide(side);
    await verifyFixtures(side, scale);
    side.content = await seed(client, side, scale);
  }
  const bench = new Bench(client, scale, sides);
  const rows: RowResult[] = [];
  for (const row of wanted) {
    progress(row.title);
    rows.push(await bench.measure(row));
  }
  rows.push(memoryRow(sides, 'everything'), peakMemoryRow(sides), ...cpuRows(rows));
  const notes = both.map(
    (side) => `${side.program.name} wrote ${accessLogLines(side)} lines about requests to its log`,
  );
  for (const side of both) {
    await side.server?.stop();
    delete side.server;
  }
  progress('requests to S3');
  rows.push(...(await requestRows(client, bucket, cluster.account, sides)));
  return { rows, notes };
}

/** Ctrl-C must leave neither servers nor their files behind; the service's parts end with this process. */
function stopOnSignals(
  directory: string,
  { berth: ours, peer }: { berth: Side; peer: Side | undefined },
): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await Promise.all([ours, peer].map((side) => side?.server?.stop()));
      rmSync(directory, { recursive: true, force: true });
      process.exit(130);
    });
  }
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.stack}\n`);
  process.exitCode = 1;
});
