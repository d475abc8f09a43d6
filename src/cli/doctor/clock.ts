import { parseAddress } from '../../registry/config/index.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

const ANSWER_MS = 5000;
/** Tokens and certificates of this moment are not good yet for whoever is behind. */
const MAX_SKEW_MS = 60_000;
/** Signed requests to S3 are refused beyond that. */
const MAX_S3_SKEW_MS = 15 * 60_000;

/** What is wrong with a clock that is off by so much from what `other` says. */
export function skewOf(other: string, date: string | undefined, now: number): Diagnosis[] {
  const time = date === undefined ? Number.NaN : Date.parse(date);
  const skew = now - time;
  if (Number.isNaN(time) || Math.abs(skew) <= MAX_SKEW_MS) return [];
  const seconds = Math.round(Math.abs(skew) / 1000);
  return [
    {
      severity: Math.abs(skew) > MAX_S3_SKEW_MS ? 'error' : 'warning',
      found: `the clock of this machine is ${seconds} s ${skew > 0 ? 'ahead of' : 'behind'} that of ${other}`,
      means: 'tokens, certificates and signed requests are refused as too old or not valid yet',
      remedy: 'keep the clocks of both with NTP: timedatectl set-ntp true',
    },
  ];
}

/** Against the store: a disk of this machine has the same clock. */
export const clockCheck: Check<Machine> = {
  name: 'clock',
  run: async ({ loaded: { config } }) => {
    const { s3 } = config.storage;
    const endpoint = s3 && endpointOf(s3);
    if (endpoint === undefined) return [];
    const answer = await fetch(endpoint, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(() => undefined); // whether it can be reached at all is told elsewhere
    return skewOf(`the object store at ${endpoint}`, answer?.headers.get('date') ?? undefined, Date.now());
  },
};

function endpointOf({
  regionendpoint,
  region,
  secure,
}: NonNullable<Machine['loaded']['config']['storage']['s3']>): string | undefined {
  if (!regionendpoint) return region ? `https://s3.${region}.amazonaws.com` : undefined;
  if (regionendpoint.includes('://')) return regionendpoint;
  const named = parseAddress(regionendpoint);
  return named || URL.canParse(`http://${regionendpoint}`)
    ? `${secure ? 'https' : 'http'}://${regionendpoint}`
    : undefined;
}
