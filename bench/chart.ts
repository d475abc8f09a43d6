import { compare, type RowResult } from './results.ts';

const WIDTH = 920;
const LABELS = 440;
const ROW = 20;
const TOP = 46;
const RIGHT = 60;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/** Bars of the ratios on a logarithmic scale, each with a line where its target is. */
export function chart(rows: readonly RowResult[], title: string): string {
  const bars = rows.flatMap((row) => {
    const { ratio, met } = compare(row);
    // Memory has a limit of its own; a bar for it would promise to need less than a Go program.
    if (ratio === undefined || !Number.isFinite(ratio) || !('ratio' in row.target)) return [];
    return [{ title: row.title, ratio, met: met === true, target: row.target.ratio }];
  });
  const ratios = bars.flatMap(({ ratio, target }) => [ratio, target]);
  const low = TICKS.findLast((tick) => tick <= Math.min(0.5, ...ratios)) ?? 0.1;
  const high = TICKS.find((tick) => tick >= Math.max(2, ...ratios)) ?? 10_000;
  const x = (value: number) => {
    const share = Math.log(Math.min(Math.max(value, low), high) / low) / Math.log(high / low);
    return round(LABELS + share * (WIDTH - LABELS - RIGHT));
  };
  const bottom = TOP + bars.length * ROW;
  const ticks = TICKS.filter((tick) => tick >= low && tick <= high).map(
    (tick) =>
      `<line x1="${x(tick)}" y1="${TOP - 6}" x2="${x(tick)}" y2="${bottom}" class="${tick === 1 ? 'one' : 'grid'}"/>` +
      `<text x="${x(tick)}" y="${TOP - 12}" text-anchor="middle">${tick}×</text>`,
  );
  const drawn = bars.map(({ title, ratio, met, target }, i) => {
    const y = TOP + i * ROW;
    const [left, right] = [x(Math.min(1, ratio)), x(Math.max(1, ratio))];
    return (
      `<text x="${LABELS - 10}" y="${y + 14}" text-anchor="end">${escaped(title)}</text>` +
      `<rect x="${left}" y="${y + 4}" width="${round(Math.max(1, right - left))}" height="12" class="${met ? 'met' : 'missed'}"/>` +
      `<line x1="${x(target)}" y1="${y + 1}" x2="${x(target)}" y2="${y + 19}" class="target"/>` +
      `<text x="${round(Math.max(right, x(target)) + 5)}" y="${y + 14}">${ratio.toPrecision(3)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${bottom + 34}" viewBox="0 0 ${WIDTH} ${bottom + 34}">
<style>
svg { background: #fff } text { font: 12px sans-serif; fill: #222 }
.grid { stroke: #ddd } .one { stroke: #888 } .target { stroke: #111; stroke-width: 2 }
.met { fill: #2a7f5f } .missed { fill: #c0392b }
</style>
<text x="10" y="18" style="font-weight:bold">${escaped(title)}</text>
${ticks.join('\n')}
${drawn.join('\n')}
<text x="10" y="${bottom + 22}">Green: target met. Red: missed. Black line: the target.</text>
</svg>
`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
