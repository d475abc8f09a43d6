import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chart } from './chart.ts';
import { type Machine, machineFacts } from './machine.ts';
import { BUSY_CLIENT, clientShare, compare, type RowResult, type Target } from './results.ts';

/** `sides` are what was measured, and against what. */
export type Report = Readonly<{
  machine: Machine;
  sides: readonly [string, string];
  notes: readonly string[];
  rows: readonly RowResult[];
}>;

function columnsOf({ sides }: Report): readonly string[] {
  return ['what', 'unit', ...sides, 'ratio', 'target', 'met', 'client'];
}

/** `name` of the files, and what wrote them. */
export type Kind = Readonly<{ name: string; title: string; command: string }>;

const SERVING: Kind = {
  name: 'results',
  title: 'Berth against the reference registry',
  command: 'npm run bench',
};

/** For a terminal. */
export function textTable(report: Report): string {
  const { rows, notes } = report;
  const columns = columnsOf(report);
  const cells = [columns, ...rows.map(cellsOf)];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return `${cells.map(line).join('\n')}\n\n${notesOf(rows, notes)
    .map((note) => `- ${note}`)
    .join('\n')}\n`;
}

/** Writes results.md, results.json and results.svg, or what else they are called. */
export function writeReport(directory: string, report: Report, kind = SERVING): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, `${kind.name}.md`), markdown(report, kind));
  const rows = report.rows.map((row) => ({ ...row, ...summaryOf(row) }));
  writeFileSync(
    path.join(directory, `${kind.name}.json`),
    `${JSON.stringify({ ...report, rows }, undefined, 2)}\n`,
  );
  writeFileSync(
    path.join(directory, `${kind.name}.svg`),
    chart(report.rows, `${report.sides.join(' / ')}: how many times better`),
  );
}

function markdown(report: Report, { name, title, command }: Kind): string {
  const { machine, rows, notes } = report;
  const columns = columnsOf(report);
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [
    row(columns),
    row(columns.map((_, i) => (i < 2 ? '---' : '---:'))),
    ...rows.map((r) => row(cellsOf(r))),
  ];
  return `# ${title}

Written by \`${command}\`. A ratio says how many times better Berth is, whatever the unit.

${machineFacts(machine)
  .map((fact) => `- ${fact}`)
  .join('\n')}

${table.join('\n')}

${notesOf(rows, notes)
  .map((note) => `- ${note}`)
  .join('\n')}

![ratios](${name}.svg)
`;
}

function cellsOf(row: RowResult): string[] {
  const { berth, peer, ratio, met } = compare(row);
  const client = clientShare(row);
  return [
    row.title,
    row.unit,
    number(berth),
    peer === undefined ? '–' : number(peer),
    ratio === undefined ? '–' : `${number(ratio)}×`,
    targetText(row.target),
    met === undefined ? '–' : met ? 'yes' : 'NO',
    client === undefined ? '' : `${Math.round(client * 100)} %${client > BUSY_CLIENT ? ' (!)' : ''}`,
  ];
}

function summaryOf(row: RowResult) {
  return { median: compare(row), clientShare: clientShare(row) };
}

function notesOf(rows: readonly RowResult[], notes: readonly string[]): string[] {
  const missed = rows.filter((row) => compare(row).met === false).map(({ id }) => id);
  return [
    ...rows.flatMap(({ title, note }) => (note ? [`${title}: ${note}`] : [])),
    'client: processor time of the client as a share of one core; (!) where it may have been the limit',
    ...notes,
    missed.length === 0 ? 'every target is met' : `targets missed: ${missed.join(', ')}`,
  ];
}

function targetText(target: Target): string {
  if ('below' in target) return `< ${target.below}`;
  return 'atLeast' in target ? `≥ ${target.atLeast}` : `≥ ${target.ratio}×`;
}

/** Three digits that mean something. */
function number(value: number): string {
  if (Number.isNaN(value)) return '–';
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
