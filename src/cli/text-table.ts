/** Columns side by side, two blanks apart; each row has a cell for each column. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** `2026-11-28T05:00:00Z`, or `-`. */
export function timeCell(at: Date | undefined): string {
  return at?.toISOString().replace(/\.\d+Z$/, 'Z') ?? '-';
}
