import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateProblems, parseChain } from '../../src/cli/doctor/certificate.js';
import { skewOf } from '../../src/cli/doctor/clock.js';
import { type Check, runChecks } from '../../src/cli/doctor/diagnosis.js';
import { makeCertificate } from '../../src/registry/auth/certificate.js';

const DAY_MS = 86_400_000;
const now = Date.parse('2026-11-28T12:00:00Z');

describe('runChecks', () => {
  it('takes a check that fails for an error, and goes on', async () => {
    const checks: Check<string>[] = [
      { name: 'first', run: async () => Promise.reject(new Error('no disk')) },
      { name: 'second', run: async (found) => [{ severity: 'note', found, means: 'm', remedy: 'r' }] },
    ];
    expect(await runChecks(checks, 'here')).toMatchObject([
      { check: 'first', severity: 'error', found: 'the check failed: no disk' },
      { check: 'second', severity: 'note', found: 'here' },
    ]);
  });
});

describe('skewOf', () => {
  it.each([
    { date: 'Sat, 28 Nov 2026 12:00:59 GMT', found: [] },
    { date: undefined, found: [] },
    { date: 'yesterday', found: [] },
    {
      date: 'Sat, 28 Nov 2026 12:02:00 GMT',
      found: [{ severity: 'warning', found: 'the clock of this machine is 120 s behind that of s3' }],
    },
    {
      date: 'Sat, 28 Nov 2026 11:00:00 GMT',
      found: [{ severity: 'error', found: 'the clock of this machine is 3600 s ahead of that of s3' }],
    },
  ])('reads $date', ({ date, found }) => expect(skewOf('s3', date, now)).toMatchObject(found));
});

describe('certificateProblems', () => {
  it.each([
    { from: -1, until: 90, found: [] },
    { from: -1, until: 20, found: [{ severity: 'warning', found: expect.stringContaining('in 20 days') }] },
    { from: -9, until: -1, found: [{ severity: 'error', found: expect.stringContaining('ran out on') }] },
    {
      from: 1,
      until: 90,
      found: [{ severity: 'error', found: expect.stringContaining('not valid before') }],
    },
  ])('looks at the time from $from to $until', ({ from, until, found }) =>
    expect(certificateProblems(certificate(from, until), { names: [], now })).toMatchObject(found),
  );

  it('looks at the names', () =>
    expect(certificateProblems(certificate(-1, 90), { names: ['reg.example'], now })).toMatchObject([
      { severity: 'error', found: expect.stringContaining('is not for reg.example') },
    ]));

  it('passes over what is no certificate', () =>
    expect(parseChain('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toEqual([]));
});

function certificate(from: number, until: number) {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [begin, end] = [from, until].map((days) => new Date(now + days * DAY_MS + 1000));
  const names = { subject: 'registry', issuer: 'registry', key, issuerKey: key };
  const bytes = makeCertificate({ ...names, ca: false, from: begin ?? new Date(), until: end });
  return parseChain(`-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`);
}
