import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { berth, berthEngine, docker, type Engine, podman } from './containers/engines.ts';
import { writeArchive } from './containers/images.ts';
import { type Measured, type Report, table, writeReport } from './containers/report.ts';
import { type Group, groupsFor, IMAGE, type Place, type Sizes } from './containers/rows.ts';
import { describeMachine } from './machine.ts';
import { runInNamespace } from './namespace.ts';

const HELP = `Measures berth run and berth engine against docker run and podman run on this machine.

  npm run bench:containers -- [options]

  --quick         one repetition and small sizes: whether the harness works; writes nothing
  --rounds N      repetitions, of which the median counts (default: 7)
  --only ID       measure the rows of which the id begins so; may be repeated; writes nothing without --out
  --berth-only    leave the others out
  --out DIR       for containers.md, containers.json and containers.svg (default: bench/results)
  --dir DIR       for all stores, on the disk to measure (default: bench/.work)
  --help

Needs root, 20 GB of free disk, and the Debian packages docker.io, podman, runc, conmon, netavark, aardvark-dns, iptables, busybox-static
and iproute2. It runs in a network namespace of its own.
`;

const FULL: Sizes = { atOnce: 50, listed: 500, imageBytes: 300e6 };
const QUICK: Sizes = { atOnce: 5, listed: 10, imageBytes: 10e6 };
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '7' },
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
  const rounds = values.quick ? 1 : Number(values.rounds);
  mkdirSync(values.dir, { recursive: true });
  const directory = mkdtempSync(path.join(path.resolve(values.dir), 'containers-'));
  const engines: Engine[] = [];
  try {
    engines.push(berth(directory), await berthEngine(directory));
    if (!values['berth-only']) engines.push(await docker(directory), podman(directory));
    const [writer] = engines;
    if (writer === undefined) throw new Error('there is nothing to measure');
    const box = writeArchive(writer, { directory, name: IMAGE, extraBytes: 0 });
    for (const engine of engines) run(engine, 'load', '-i', box);
    const measured: Measured[] = [];
    for (const group of groupsFor(sizes).filter(isWanted)) {
      measured.push(...(await measureGroup(group, engines, { directory, sizes, rounds, writer })));
    }
    const versions = Object.fromEntries(engines.map(({ name, version }) => [name, version]));
    report({ machine: describeMachine(directory, versions), rounds, measured });
  } finally {
    await Promise.all(engines.map((engine) => engine.stop()));
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}

function isWanted({ rows }: Group): boolean {
  return values.only.length === 0 || rows.some(({ id }) => values.only.some((only) => id.startsWith(only)));
}

type Work = Readonly<{ directory: string; sizes: Sizes; rounds: number; writer: Engine }>;

/**
 * Engines take turns, so that a disturbance hits all, and in the reverse order every second time, so that none is always the
 * first. The first round is a small one that warms up and does not count.
 */
async function measureGroup(group: Group, engines: readonly Engine[], work: Work): Promise<Measured[]> {
  const samples = group.rows.map(() => new Map<string, number[]>(engines.map(({ name }) => [name, []])));
  const usesArchive = group.rows.some(({ id }) => id === 'first-run');
  for (let round = 0; round <= work.rounds; round += 1) {
    const sizes = round === 0 ? QUICK : work.sizes;
    const image = `fresh:${round}`;
    const archive = usesArchive
      ? writeArchive(work.writer, { directory: work.directory, name: image, extraBytes: sizes.imageBytes })
      : '';
    const place: Place = { sizes, archive, image };
    for (const engine of round % 2 === 0 ? engines : engines.toReversed()) {
      progress(`${group.rows[0]?.id}, round ${round} of ${work.rounds}, ${engine.name}`);
      const found = await group.measure(engine, place);
      if (round > 0) for (const [i, value] of found.entries()) samples[i]?.get(engine.name)?.push(value);
    }
    if (archive !== '') rmSync(archive);
  }
  return group.rows.map((row, i) => ({ row, samples: samples[i] ?? new Map() }));
}

function run(engine: Engine, ...args: readonly string[]): void {
  const { argv, env } = engine.command(args);
  execFileSync(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

function report(made: Report): void {
  process.stdout.write(`\n${table(made)}\n`);
  const partial = values.quick || values['berth-only'] || values.only.length > 0;
  const out = values.out ?? (partial ? undefined : path.join(import.meta.dirname, 'results'));
  if (out !== undefined) writeReport(out, made);
}

const began = performance.now();

function progress(what: string): void {
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${what}\n`);
}

main().catch((error: Error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
});
