const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** How long ago, as in `1h30m`. @returns milliseconds; `undefined` for what is no age, such as a date. */
export function findAge(text: string): number | undefined {
  const parts = text.match(/\d+(?:\.\d+)?(?:ms|[smhd])/g) ?? [];
  if (parts.length === 0 || parts.join('') !== text) return undefined;
  return parts
    .map((part) => Number.parseFloat(part) * (UNIT_MS[part.replace(/[\d.]/g, '')] ?? 0))
    .reduce((total, ms) => total + ms);
}
