/** One repetition. `client` is the share of one processor that the client needed, where there is one. */
export type Sample = Readonly<{ value: number; client?: number; cpuSecondsPerGb?: number }>;

/** What Berth wants: to be so many times better than its peer, or to stay below or reach an amount of the row's unit. */
export type Target =
  | Readonly<{ ratio: number }>
  | Readonly<{ below: number }>
  | Readonly<{ atLeast: number }>;

export type RowFacts = Readonly<{
  id: string;
  title: string;
  unit: string;
  better: 'higher' | 'lower';
  target: Target;
  note?: string;
}>;

export type RowResult = RowFacts &
  Readonly<{ berth: readonly Sample[]; peer: readonly Sample[] | undefined }>;

/** A row's medians. `ratio` says how many times better Berth is, whatever the unit; more is better. */
export type Comparison = Readonly<{
  berth: number;
  peer: number | undefined;
  ratio: number | undefined;
  met: boolean | undefined;
}>;

/** A client busier than this may have been what was measured. */
export const BUSY_CLIENT = 0.85;

export function compare({ berth, peer, better, target }: RowResult): Comparison {
  const ours = medianOf(berth);
  const theirs = peer && medianOf(peer);
  const ratio = theirs === undefined ? undefined : better === 'higher' ? ours / theirs : theirs / ours;
  return { berth: ours, peer: theirs, ratio, met: isMet(target, ours, ratio) };
}

function isMet(target: Target, ours: number, ratio: number | undefined): boolean | undefined {
  if ('below' in target) return ours < target.below;
  if ('atLeast' in target) return ours >= target.atLeast;
  return ratio === undefined ? undefined : ratio >= target.ratio;
}

/** Of several repetitions: one that was disturbed does not count. */
export function medianOf(samples: readonly Sample[]): number {
  return median(samples.map(({ value }) => value));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return (low + high) / 2;
}

/** Highest of both sides' medians, as a share of one processor. */
export function clientShare({ berth, peer }: RowResult): number | undefined {
  const shares = [berth, peer ?? []].map((samples) =>
    median(samples.flatMap(({ client }) => (client === undefined ? [] : [client]))),
  );
  const known = shares.filter((share) => !Number.isNaN(share));
  return known.length === 0 ? undefined : Math.max(...known);
}
