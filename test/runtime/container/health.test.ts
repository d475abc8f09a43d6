import { describe, expect, it } from 'vitest';
import {
  checkDelay,
  checkHealthcheck,
  type Health,
  healthAfter,
  healthPlanOf,
  NEW_HEALTH,
} from '../../../src/runtime/container/health.js';

const SECOND = 1_000_000_000;

describe('healthPlanOf', () => {
  it.each([
    { what: 'nothing', Healthcheck: undefined },
    { what: 'none', Healthcheck: { Test: ['NONE'] } },
    { what: 'times alone', Healthcheck: { Interval: SECOND } },
  ])('has none for $what', ({ Healthcheck }) =>
    expect(healthPlanOf(Healthcheck === undefined ? {} : { Healthcheck })).toBeUndefined(),
  );

  it("has docker's defaults", () =>
    expect(healthPlanOf({ Healthcheck: { Test: ['CMD', 'true'] } })).toEqual({
      ...{ args: ['true'], interval: 30_000, timeout: 30_000 },
      ...{ startPeriod: 0, startInterval: 5000, retries: 3 },
    }));

  it('runs words of a shell in the shell of the image', () => {
    const Healthcheck = { Test: ['CMD-SHELL', 'exit 1'], Interval: SECOND / 2, Retries: 7 };
    expect(healthPlanOf({ Healthcheck })).toMatchObject({ args: ['/bin/sh', '-c', 'exit 1'], interval: 500 });
    expect(healthPlanOf({ Healthcheck, Shell: ['bash', '-ec'] })).toMatchObject({
      args: ['bash', '-ec', 'exit 1'],
      retries: 7,
    });
  });
});

describe('checkHealthcheck', () => {
  it.each([
    { Healthcheck: { Interval: 999_999 }, message: 'Interval in Healthcheck cannot be less than 1ms' },
    { Healthcheck: { Timeout: -1 }, message: 'Timeout in Healthcheck cannot be less than 1ms' },
    { Healthcheck: { Retries: -1 }, message: 'Retries in Healthcheck cannot be negative' },
    { Healthcheck: { Test: ['CMD'] }, message: 'a healthcheck of type CMD needs a command' },
    {
      Healthcheck: { Test: ['RUN', 'x'] },
      message: "unknown healthcheck type 'RUN'; there are NONE, CMD and CMD-SHELL",
    },
  ])('says: $message', ({ Healthcheck, message }) =>
    expect(() => checkHealthcheck(Healthcheck)).toThrow(message),
  );
});

describe('the health of a container', () => {
  const plan = { args: [], interval: 30, timeout: 30, startPeriod: 100, startInterval: 5, retries: 2 };
  const after = (...checks: readonly (readonly [exitCode: number, ranMs: number])[]): Health =>
    checks.reduce<Health>(
      (health, [exitCode, ranMs]) => healthAfter(health, { exitCode, ranMs }, plan),
      NEW_HEALTH,
    );

  it.each([
    { checks: [[1, 0]], what: 'starting, whatever fails in its first time', status: 'starting', streak: 0 },
    { checks: [[1, 200]], what: 'starting, until too many have failed', status: 'starting', streak: 1 },
    {
      checks: [
        [1, 200],
        [1, 230],
      ],
      what: 'bad, when too many have',
      status: 'unhealthy',
      streak: 2,
    },
    {
      checks: [
        [0, 10],
        [1, 20],
      ],
      what: 'good, until too many have failed',
      status: 'healthy',
      streak: 1,
    },
    {
      checks: [
        [0, 10],
        [1, 20],
        [1, 30],
      ],
      what: 'bad in its first time too, if it was good',
      status: 'unhealthy',
      streak: 2,
    },
    {
      checks: [
        [1, 200],
        [1, 230],
        [0, 260],
      ],
      what: 'good again at once',
      status: 'healthy',
      streak: 0,
    },
  ] as const)('is $what', ({ checks, status, streak }) =>
    expect(after(...checks)).toEqual({ status, failingStreak: streak }),
  );

  it('is looked at more often until it is good, in its first time', () => {
    expect(checkDelay(NEW_HEALTH, plan, 50)).toBe(5);
    expect(checkDelay(NEW_HEALTH, plan, 150)).toBe(30);
    expect(checkDelay({ status: 'healthy', failingStreak: 0 }, plan, 50)).toBe(30);
  });
});
