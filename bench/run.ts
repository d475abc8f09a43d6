import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Bench, removeIndex, type Side, startSide } from './bench.ts';
import { ClientProcess } from './client-process.ts';
import { writeFixtures } from './fixtures.ts';
import { describeMachine } from './machine.ts';
import { anotherBerth, berth, type Program, reference, serverFolder } from './peers.ts';
import { progress } from './progress.ts';
import { type Kind, type Report, textTable, writeReport } from './report.ts';
import { accessLogLines, cpuRows, hashShareRows, memoryRow, peakMemoryRow } from './resource-rows.ts';
import type { RowResult } from './results.ts';
import { noneSlower, type Row, rowsFor } from './rows.ts';
import { FULL, QUICK, type Scale } from './scale.ts';
import { seed, verifyFixtures } from './seed.ts';

const HELP = `Measures Berth against docker-registry (CNCF distribution) on this machine.

  npm run bench -- [options]

  --quick         few repetitions and small sizes: whether the harness works; writes nothing
  --only ROW      measure one row, or all whose id begins so; may be repeated; writes nothing without --out
  --berth-only    leave docker-registry out
  --workers N     measure N workers of Berth against one process of it; writes nothing without --out
  --against FILE  measure against another build of Berth, whose launcher FILE is; writes nothing without --out
  --out DIR       for results.md, results.json and results.svg, workers.* or builds.* (default: bench/results)
  --dir DIR       for the stores of both servers, on the disk to measure (default: bench/.work)
  --help

Exit code: 0 it was measured, whatever came out; 1 it could not be; 2 wrong usage.
`;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true, default: [] as string[] },
  'berth-only': { type: 'boolean', default: false },
  workers: { type: 'string' },
  against: { type: 'string' },
  out: { type: 'string' },
  dir: { type: 'string', default: path.join(import.meta.dirname, '.work') },
  help: { type: 'boolean', default: false },
} as const;

const PEERS = ['Berth', 'docker-registry'] as const;
const SCALING = ['workers', 'one process'] as const;
const BUILDS = ['this build', 'other build'] as const;

class UsageError extends Error {}

type Run = Readonly<{
  scale: Scale;
  rows: readonly Row[];
  directory: string;
  berth: Side;
  peer: Side | undefined;
  /** Heads of the columns. */
  heads: readonly [string, string];
}>;

async function main(): Promise<void> {
  const values = options();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const scale = values.quick ? QUICK : FULL;
  const programs = programsFor(values);
  const kind = kindOf(values);
  const all = rowsFor(scale);
  const rows = chosen(kind === undefined ? all : noneSlower(all), values.only);
  mkdirSync(values.dir, { recursive: true });
  const directory = mkdtempSync(path.join(values.dir, 'bench-'));
  const run: Run = {
    scale,
    rows,
    directory,
    berth: sideIn(directory, programs.berth),
    peer: programs.peer && sideIn(directory, programs.peer),
    heads: programs.heads,
  };
  stopOnSignals(run);
  try {
    const report = await measureAll(run);
    process.stdout.write(`\n${textTable(report)}`);
    const out = values.out ?? (isPart(values) ? undefined : defaultOut());
    if (out !== undefined) writeReport(out, report, kind);
  } finally {
    progress('stopping the servers, removing the stores');
    await Promise.all(sidesOf(run).map(({ server }) => server?.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

type Programs = Readonly<{ berth: Program; peer: Program | undefined }> & Pick<Run, 'heads'>;

function programsFor(values: ReturnType<typeof options>): Programs {
  if (values.against !== undefined) {
    const other = anotherBerth(path.resolve(values.against));
    return { berth: berth(), peer: other, heads: BUILDS };
  }
  if (values.workers === undefined)
    return { berth: berth(), peer: values['berth-only'] ? undefined : reference(), heads: PEERS };
  const workers = Number(values.workers);
  if (!Number.isInteger(workers) || workers < 2) throw new UsageError('--workers needs a number from 2 on');
  return { berth: berth(workers), peer: berth(), heads: SCALING };
}

/** @returns `undefined` for the published table. */
function kindOf({ workers, against }: ReturnType<typeof options>): Kind | undefined {
  if (against !== undefined)
    return {
      name: 'builds',
      title: 'Berth against another build of it',
      command: 'npm run bench -- --against FILE --out DIR',
    };
  if (workers === undefined) return undefined;
  return {
    name: 'workers',
    title: `${workers} workers against one process`,
    command: `npm run bench -- --workers ${workers} --out DIR`,
  };
}

/** What is not the whole of the published table. */
function isPart({ quick, only, workers, against }: ReturnType<typeof options>): boolean {
  return quick || only.length > 0 || workers !== undefined || against !== undefined;
}

async function measureAll(run: Run): Promise<Report> {
  const { rows, scale } = run;
  const listed = rows.some(({ phase, task }) => phase === 'lists' || task.kind === 'start');
  if (listed) {
    progress('writing repositories and tags into both stores');
    for (const { folder } of sidesOf(run)) writeFixtures(folder, scale.fixtures);
    execFileSync('sync', ['-f', run.directory]);
  }
  await using client = new ClientProcess();
  const bench = new Bench(client, scale, run);
  const results: RowResult[] = [];
  const notes: string[] = [];
  const measurePhase = async (wanted: Row['phase']) => {
    const inPhase = rows.filter(({ phase }) => phase === wanted);
    for (const row of inPhase) {
      progress(row.title);
      if (row.id === 'start-full') await index(run.berth);
      results.push(await bench.measure(row));
    }
    return inPhase.length;
  };
  await measurePhase('start');

  if (rows.some(({ phase }) => phase !== 'start')) {
    progress('starting both servers');
    await removeIndex(run.berth.folder);
    for (const side of sidesOf(run)) {
      const seconds = await startSide(side);
      if (listed && side === run.berth)
        notes.push(
          `Berth's index of ${scale.fixtures.repositories} repositories was complete after ${seconds.toFixed(1)} s`,
        );
      if (listed) await verifyFixtures(side, scale);
    }
    results.push(memoryRow(run, 'idle'));
    for (const side of sidesOf(run)) side.content = await seed(client, side, scale);
    for (const phase of ['push', 'pull', 'manifests', 'lists'] as const) {
      if ((await measurePhase(phase)) > 0) results.push(memoryRow(run, phase));
    }
    results.push(peakMemoryRow(run));
    for (const side of sidesOf(run))
      notes.push(`${side.program.name} wrote ${accessLogLines(side)} lines about requests to its log`);
  }
  progress('speed of SHA-256 and of the disk');
  const machine = describeMachine(run.directory, versionsOf(run));
  const derived = [...cpuRows(results), ...hashShareRows(results, machine.sha256)];
  return { machine, sides: run.heads, notes, rows: [...results, ...derived] };
}

/** Lets Berth build its index, so that the next start finds it. */
async function index(side: Side): Promise<void> {
  await startSide(side);
  await side.server?.stop();
  delete side.server;
}

function versionsOf(run: Run): Record<string, string> {
  const versions = Object.fromEntries(sidesOf(run).map(({ program }) => [program.name, program.version]));
  const { server } = run.berth;
  if (server === undefined) return versions;
  const node = execFileSync(server.executable, ['--version'], { encoding: 'utf8' }).trim();
  return { ...versions, "Berth's Node": node };
}

function sideIn(directory: string, program: Program): Side {
  return { program, folder: serverFolder(path.join(directory, program.name)) };
}

function sidesOf({ berth, peer }: Pick<Run, 'berth' | 'peer'>): Side[] {
  return peer ? [berth, peer] : [berth];
}

function chosen(rows: readonly Row[], only: readonly string[]): readonly Row[] {
  if (only.length === 0) return rows;
  const unknown = only.find((start) => !rows.some(({ id }) => id.startsWith(start)));
  if (unknown !== undefined)
    throw new UsageError(`no row ${unknown}; there are: ${rows.map(({ id }) => id).join(', ')}`);
  return rows.filter(({ id }) => only.some((start) => id.startsWith(start)));
}

function options() {
  try {
    return parseArgs({ options: OPTIONS, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function defaultOut(): string {
  return path.join(import.meta.dirname, 'results');
}

/** Ctrl-C must leave neither servers nor gigabytes behind. */
function stopOnSignals(run: Run): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await Promise.all(sidesOf(run).map(({ server }) => server?.stop()));
      rmSync(run.directory, { recursive: true, force: true });
      process.exit(130);
    });
  }
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  if (!(error instanceof UsageError)) process.stderr.write(`${error.stack}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
