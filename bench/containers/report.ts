import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chart } from '../chart.ts';
import { type Machine, machineFacts } from '../machine.ts';
import { median, type RowResult } from '../results.ts';
import type { Row } from './rows.ts';

/** Every value of a row, by the engine's name; Berth's own come first. */
export type Measured = Readonly<{ row: Row; samples: ReadonlyMap<string, readonly number[]> }>;

export type Report = Readonly<{ machine: Machine; rounds: number; measured: readonly Measured[] }>;

/** Ways to run containers on Berth. */
const OURS = ['Berth', 'docker → Berth'];

/** A table for a terminal and for results: medians, in brackets the least. */
export function table({ measured }: Report): string {
  const engines = [...(measured[0]?.samples.keys() ?? [])];
  const head = ['what', 'unit', ...engines, '× the best other', 'met'];
  const rule = head.map((_, i) => (i < 2 ? '---' : '---:'));
  const lines = measured.map((of) => {
    const ratio = ratioOf(of);
    const cells = engines.map((name) => cellOf(of.samples.get(name) ?? []));
    return [of.row.title, of.row.unit, ...cells, ratio.toFixed(2), ratio >= 1 ? 'yes' : 'NO'];
  });
  return [head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Writes containers.md, containers.json and containers.svg. */
export function writeReport(directory: string, report: Report): void {
  mkdirSync(directory, { recursive: true });
  const { machine, rounds, measured } = report;
  const text = [
    '# Containers: Berth against docker and podman',
    'Written by `npm run bench:containers`. Medians, in brackets the least; the start of the command is in every figure.',
    `Repetitions of each row: ${rounds}.`,
    '“Berth” is a command by itself, “docker → Berth” docker’s client that calls `berth engine`. “×” says how many times ' +
      'better the better of these two is than the best other.',
    table(report),
    '![ratios](containers.svg)',
    machineFacts(machine)
      .map((fact) => `- ${fact}`)
      .join('\n'),
  ];
  writeFileSync(path.join(directory, 'containers.md'), `${text.join('\n\n')}\n`);
  const rows = measured.map((of) => ({
    ...of.row,
    ratio: ratioOf(of),
    samples: Object.fromEntries(of.samples),
  }));
  writeFileSync(
    path.join(directory, 'containers.json'),
    `${JSON.stringify({ machine, rows }, undefined, 2)}\n`,
  );
  const title = 'Berth / the best of docker and podman: how many times better';
  writeFileSync(path.join(directory, 'containers.svg'), chart(measured.map(asRowResult), title));
}

function ratioOf(of: Measured): number {
  const { ours, others } = bestOf(of);
  return median(others) / median(ours);
}

function bestOf({ samples }: Measured): Readonly<{ ours: readonly number[]; others: readonly number[] }> {
  const best = (isOurs: boolean) =>
    [...samples]
      .filter(([name]) => OURS.includes(name) === isOurs)
      .map(([, values]) => values)
      .toSorted((a, b) => median(a) - median(b))[0] ?? [];
  return { ours: best(true), others: best(false) };
}

function cellOf(values: readonly number[]): string {
  return values.length === 0 ? '–' : `${number(median(values))} (${number(Math.min(...values))})`;
}

function number(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function asRowResult(of: Measured): RowResult {
  const { ours, others } = bestOf(of);
  const values = (samples: readonly number[]) => samples.map((value) => ({ value }));
  const { id, title, unit } = of.row;
  return {
    id,
    title,
    unit,
    better: 'lower',
    target: { ratio: 1 },
    berth: values(ours),
    peer: values(others),
  };
}
