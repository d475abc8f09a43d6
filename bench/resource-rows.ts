import { readFileSync } from 'node:fs';
import type { Side } from './bench.ts';
import { memoryOf } from './process-stats.ts';
import { medianOf, type RowResult, type Sample } from './results.ts';

const MB = 1e6;
const MAX_RSS_MB = 150;
const CLOSE_TO_HASH_PERCENT = 80;

type Sides = Readonly<{ berth: Side; peer: Side | undefined }>;

/** Memory of both servers as it is now. */
export function memoryRow({ berth, peer }: Sides, when: string): RowResult {
  const rss = (side: Side): Sample[] => [{ value: memoryOf(pidOf(side)).rss / MB }];
  return {
    id: `rss-${when}`,
    title: `memory (RSS) ${when === 'idle' ? 'when idle' : `after ${when}`}`,
    unit: 'MB',
    better: 'lower',
    target: { below: MAX_RSS_MB },
    berth: rss(berth),
    peer: peer && rss(peer),
  };
}

export function peakMemoryRow({ berth, peer }: Sides): RowResult {
  const peak = (side: Side): Sample[] => [{ value: memoryOf(pidOf(side)).peak / MB }];
  return {
    id: 'rss-peak',
    title: 'memory at its highest (VmHWM)',
    unit: 'MB',
    better: 'lower',
    target: { below: MAX_RSS_MB },
    berth: peak(berth),
    peer: peer && peak(peer),
  };
}

/** What a gigabyte cost the servers, from the repetitions of the rows that moved it. */
export function cpuRows(results: readonly RowResult[]): RowResult[] {
  return [
    { from: 'push-patch-big-1', id: 'cpu-push', title: 'CPU per GB pushed (POST, PATCH, PUT)' },
    { from: 'pull-big-1', id: 'cpu-pull', title: 'CPU per GB pulled' },
  ].flatMap(({ from, id, title }) => {
    const row = results.find((result) => result.id === from);
    if (row === undefined) return [];
    const cost = (samples: readonly Sample[]) =>
      samples.map(({ cpuSecondsPerGb = Number.NaN }) => ({ value: cpuSecondsPerGb }));
    const facts = { id, title, unit: 's', better: 'lower', target: { ratio: 1 } } as const;
    return [{ ...facts, berth: cost(row.berth), peer: row.peer && cost(row.peer) }];
  });
}

/** How near a push by one client comes to the one thing that it cannot do without. `hashRate` in MB/s. */
export function hashShareRows(results: readonly RowResult[], hashRate: number): RowResult[] {
  const row = results.find(({ id }) => id === 'push-put-big-1');
  if (row === undefined) return [];
  const share = (samples: readonly Sample[]) => [{ value: (100 * medianOf(samples)) / hashRate }];
  return [
    {
      id: 'push-hash-share',
      title: 'push by POST, PUT against the speed of SHA-256 alone',
      unit: '%',
      better: 'higher',
      target: { atLeast: CLOSE_TO_HASH_PERCENT },
      note: `SHA-256 on one core here: ${hashRate.toFixed(0)} MB/s`,
      berth: share(row.berth),
      peer: row.peer && share(row.peer),
    },
  ];
}

/** A server that logs nothing would win unfairly, so this is part of the results. */
export function accessLogLines({ folder }: Side): number {
  return readFileSync(folder.log, 'utf8').match(/"?(GET|PUT|HEAD|POST|PATCH) \/v2\//g)?.length ?? 0;
}

function pidOf({ server, program }: Side): number {
  if (server === undefined) throw new Error(`${program.name} is not running`);
  return server.pid;
}
