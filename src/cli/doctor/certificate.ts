import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tlsFilesOf } from '../settings.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

const DAY_MS = 86_400_000;
/** Enough for somebody to come back from a holiday. */
const SOON_MS = 21 * DAY_MS;

/** The certificate that clients are shown; whether they trust it is for `berth doctor URL` to see. */
export const certificateCheck: Check<Machine> = {
  name: 'certificate',
  run: async ({ loaded: { config } }) => {
    const files = tlsFilesOf(config);
    if (files === undefined) return [];
    // What cannot be read is told by the check of the configuration.
    const chain = parseChain(await readFile(files.certificate, 'utf8').catch(() => ''));
    const name = config.http.host && URL.parse(config.http.host)?.hostname;
    return [...certificateProblems(chain, { names: name ? [name] : [], now: Date.now() }), ...gapIn(chain)];
  },
};

/** @param pem one certificate behind the other. What is none is left out. */
export function parseChain(pem: string): X509Certificate[] {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return texts.flatMap((text) => {
    try {
      return [new X509Certificate(text)];
    } catch {
      return [];
    }
  });
}

/** What is wrong with the times and the names of certificates, that of the server first. */
export function certificateProblems(
  chain: readonly X509Certificate[],
  { names, now }: { names: readonly string[]; now: number },
): Diagnosis[] {
  const times = chain.flatMap((certificate) => timeProblems(certificate, now));
  const [leaf] = chain;
  const others = leaf ? names.filter((name) => !isFor(leaf, name)) : [];
  return [...times, ...others.map((name) => wrongName(name, leaf?.subjectAltName))];
}

function timeProblems({ subject, validFrom, validTo }: X509Certificate, now: number): Diagnosis[] {
  const [from, until] = [Date.parse(validFrom), Date.parse(validTo)];
  const name = subject.split('\n').at(-1) ?? '';
  const renew = 'renew it; the registry takes over the new files by itself';
  const refused = 'clients refuse the connection';
  if (from > now)
    return [
      {
        severity: 'error',
        found: `the certificate of ${name} is not valid before ${validFrom}`,
        means: refused,
        remedy: 'see whether the clock is right; otherwise wait, or make another one',
      },
    ];
  if (until <= now)
    return [
      {
        severity: 'error',
        found: `the certificate of ${name} ran out on ${validTo}`,
        means: refused,
        remedy: renew,
      },
    ];
  if (until - now > SOON_MS) return [];
  const days = Math.floor((until - now) / DAY_MS);
  return [
    {
      severity: 'warning',
      found: `the certificate of ${name} runs out in ${days} days`,
      means: `from then on ${refused}`,
      remedy: renew,
    },
  ];
}

/** An authority in between that clients are not told of, where the file has more than one certificate. */
function gapIn(chain: readonly X509Certificate[]): Diagnosis[] {
  const at = chain.findIndex((certificate, i) => {
    const next = chain[i + 1];
    return next !== undefined && !certificate.checkIssued(next);
  });
  if (at < 0) return [];
  return [
    {
      severity: 'warning',
      found: `certificate ${at + 2} of the file did not issue the one before it`,
      means: 'clients may not find the way to an authority that they trust',
      remedy: "put the server's own certificate first, then the one that issued it, and so on",
    },
  ];
}

function isFor(leaf: X509Certificate, name: string): boolean {
  return (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined;
}

function wrongName(name: string, named: string | undefined): Diagnosis {
  return {
    severity: 'error',
    found: `the certificate is not for ${name}${named === undefined ? '' : `, but for ${named}`}`,
    means: 'clients that call the registry so refuse the connection',
    remedy: `make one with that name: berth tls init --name ${name}`,
  };
}
