import { Gauge, type Registry } from 'prom-client';

/** What a reading of all that is stored found. */
export type VerificationSummary = Readonly<{
  finishedAt: Date;
  bytes: number;
  repaired: number;
  remaining: number;
}>;

const MAX_AGE_MS = 30_000;

const GAUGES = [
  {
    name: 'berth_verify_finished_timestamp_seconds',
    help: 'When all that is stored was read last.',
    value: ({ finishedAt }: VerificationSummary) => finishedAt.getTime() / 1000,
  },
  {
    name: 'berth_verify_read_bytes',
    help: 'Bytes that were read then.',
    value: ({ bytes }: VerificationSummary) => bytes,
  },
  {
    name: 'berth_verify_repaired',
    help: 'What was found to be wrong then, and repaired.',
    value: ({ repaired }: VerificationSummary) => repaired,
  },
  {
    name: 'berth_verify_wrong',
    help: 'What was found to be wrong then, and was not repaired.',
    value: ({ remaining }: VerificationSummary) => remaining,
  },
] as const;

/** The result of the last reading; no series before the first one is through. */
export function addVerification(
  registry: Registry,
  find: () => Promise<VerificationSummary | undefined>,
): void {
  let readAt = Number.NEGATIVE_INFINITY;
  let last: Promise<VerificationSummary | undefined> = Promise.resolve(undefined);
  const latest = () => {
    if (performance.now() - readAt < MAX_AGE_MS) return last;
    readAt = performance.now();
    last = find().catch(() => undefined); // a series that is absent says more than one that stands still
    return last;
  };
  for (const { name, help, value } of GAUGES) {
    new Gauge({
      name,
      help,
      // A label that nobody uses keeps the series away until there is something to say.
      labelNames: [],
      registers: [registry],
      async collect() {
        this.remove();
        const summary = await latest();
        if (summary) this.set(value(summary));
      },
    });
  }
}
