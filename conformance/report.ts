import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Result } from './results.ts';

type Count = { requirements: number; passed: number; failed: number; skipped: number };

/** Writes results.json and table.md; junit.xml comes from vitest. */
export async function writeReport(
  folder: string,
  registry: string,
  results: readonly Result[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    path.join(folder, 'results.json'),
    `${JSON.stringify({ registry, results }, undefined, 2)}\n`,
  );
  await writeFile(path.join(folder, 'table.md'), markdown(registry, results));
}

/** For the terminal: a line per category, then what failed and why. */
export function summary(results: readonly Result[]): string {
  const counts = countByCategory(results);
  const rows = [...counts, ['total', total(counts)] as const].map(([name, count]) => [
    name,
    ...Object.values(count).map(String),
  ]);
  const lines = [['category', 'requirements', 'passed', 'failed', 'skipped'], ...rows].map(
    ([name = '', ...cells]) => [name.padEnd(16), ...cells.map((cell) => cell.padStart(12))].join(' '),
  );
  const failed = results.filter(({ status }) => status === 'fail').map(line);
  return [...lines, ...(failed.length === 0 ? [] : ['', 'failed:', ...failed])].join('\n');
}

function line({ id, level, category, title, message }: Result): string {
  return `  ${id.padEnd(7)} ${level.padEnd(6)} ${category}: ${title}\n${' '.repeat(17)}${oneLine(message)}`;
}

function countByCategory(results: readonly Result[]): Map<string, Count> {
  const counts = new Map<string, Count>();
  for (const { category, status } of results) {
    const count = counts.get(category) ?? { requirements: 0, passed: 0, failed: 0, skipped: 0 };
    counts.set(category, count);
    count.requirements++;
    if (status === 'pass') count.passed++;
    if (status === 'fail') count.failed++;
    if (status === 'skip') count.skipped++;
  }
  return counts;
}

function total(counts: ReadonlyMap<string, Count>): Count {
  const sum = { requirements: 0, passed: 0, failed: 0, skipped: 0 };
  for (const count of counts.values()) {
    sum.requirements += count.requirements;
    sum.passed += count.passed;
    sum.failed += count.failed;
    sum.skipped += count.skipped;
  }
  return sum;
}

function markdown(registry: string, results: readonly Result[]): string {
  const counts = countByCategory(results);
  const totals = [...counts, ['**total**', total(counts)] as const];
  return `${[
    `# Conformance of ${registry}`,
    '',
    '| category | requirements | passed | failed | skipped |',
    '|---|---:|---:|---:|---:|',
    ...totals.map(([name, count]) => `| ${[name, ...Object.values(count)].join(' | ')} |`),
    '',
    '| id | level | category | requirement | status | why |',
    '|---|---|---|---|---|---|',
    ...results.map((result) => markdownRow(result)),
  ].join('\n')}\n`;
}

function markdownRow({ id, level, category, title, status, message }: Result): string {
  const cells = [id, level, category, title, status, oneLine(message)];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function oneLine(message: string): string {
  const text = message.replaceAll(/\s+/g, ' ').trim();
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
