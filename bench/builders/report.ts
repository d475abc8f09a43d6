import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chart } from '../chart.ts';
import { type Machine, machineFacts } from '../machine.ts';
import type { Sample } from '../measure.ts';
import { median, type RowResult } from '../results.ts';
import type { Row } from './rows.ts';

/** What every builder needed for a row, by the builder's name; Berth's first. */
export type Measured = Readonly<{ row: Row; samples: ReadonlyMap<string, readonly Sample[]> }>;

export type Report = Readonly<{ machine: Machine; rounds: number; measured: readonly Measured[] }>;

const BUILDKIT = 'docker (BuildKit)';
const MAX_PEAK_BYTES = 150 * 2 ** 20;

type Verdict = Readonly<{ overBest: number; overBuildKit: number | undefined; met: boolean }>;

/** A table for a terminal and for results: seconds of wall time, medians; in brackets the seconds of processor time. */
export function table({ measured }: Report): string {
  const builders = [...(measured[0]?.samples.keys() ?? [])];
  const head = ['what', ...builders, '× the best other', '× BuildKit', 'target', 'met', "Berth's peak RSS"];
  const lines = measured.map((of) => {
    const { overBest, overBuildKit, met } = verdictOf(of);
    const cells = builders.map((name) => timesOf(of.samples.get(name) ?? []));
    return [
      of.row.title,
      ...cells,
      overBest.toFixed(2),
      overBuildKit?.toFixed(2) ?? '',
      targetOf(of.row),
      met ? 'yes' : 'NO',
      `${(peakOf(of) / 2 ** 20).toFixed(0)} MiB`,
    ];
  });
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Writes build.md, build.json and build.svg. */
export function writeReport(directory: string, report: Report): void {
  mkdirSync(directory, { recursive: true });
  const { machine, rounds, measured } = report;
  const text = [
    '# Berth against the other builders',
    'Written by `npm run bench:build`. Seconds of wall time, in brackets of processor time with the daemon’s.',
    `Repetitions of each row: ${rounds}; the median counts.`,
    '“×” says how many times faster Berth is. The start of the program is in every figure.',
    table(report),
    '![ratios](build.svg)',
    machineFacts(machine)
      .map((fact) => `- ${fact}`)
      .join('\n'),
  ];
  writeFileSync(path.join(directory, 'build.md'), `${text.join('\n\n')}\n`);
  const rows = measured.map((of) => ({
    ...of.row,
    ...verdictOf(of),
    samples: Object.fromEntries(of.samples),
  }));
  writeFileSync(path.join(directory, 'build.json'), `${JSON.stringify({ machine, rows }, undefined, 2)}\n`);
  const title = 'Berth / the best other builder: how many times faster';
  writeFileSync(path.join(directory, 'build.svg'), chart(measured.map(asRowResult), title));
}

function verdictOf({ row, samples }: Measured): Verdict {
  const [ours = Number.NaN, ...others] = [...samples.values()].map(secondsOf);
  const overBest = Math.min(...others) / ours;
  const buildKit = samples.get(BUILDKIT);
  const overBuildKit = buildKit && secondsOf(buildKit) / ours;
  const { overBuildKit: wanted = 0, belowSeconds = Number.POSITIVE_INFINITY } = row.target;
  const fast = overBest >= 1 && (overBuildKit ?? wanted) >= wanted && ours <= belowSeconds;
  return { overBest, overBuildKit, met: fast && peakOf({ row, samples }) <= MAX_PEAK_BYTES };
}

function targetOf({ target: { overBuildKit, belowSeconds } }: Row): string {
  const special = [
    ...(overBuildKit === undefined ? [] : [`≥ ${overBuildKit}× BuildKit`]),
    ...(belowSeconds === undefined ? [] : [`≤ ${belowSeconds} s`]),
  ];
  return ['first', ...special].join(', ');
}

function timesOf(samples: readonly Sample[]): string {
  return `${secondsOf(samples).toFixed(2)} (${median(samples.map(({ cpu }) => cpu)).toFixed(1)})`;
}

function secondsOf(samples: readonly Sample[]): number {
  return median(samples.map(({ seconds }) => seconds));
}

function peakOf({ samples }: Measured): number {
  const [ours = []] = samples.values();
  return Math.max(...ours.map(({ peakBytes }) => peakBytes));
}

/** Only the best of the others is drawn. */
function asRowResult({ row, samples }: Measured): RowResult {
  const [ours = [], ...others] = samples.values();
  const best = others.toSorted((a, b) => secondsOf(a) - secondsOf(b))[0];
  const values = (of: readonly Sample[]) => of.map(({ seconds }) => ({ value: seconds }));
  return {
    id: row.id,
    title: row.title,
    unit: 's',
    better: 'lower',
    target: { ratio: 1 },
    berth: values(ours),
    peer: best && values(best),
  };
}
