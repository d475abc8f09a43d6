import { describe, expect, it } from 'vitest';
import { type ContainerState, NEW_STATE } from '../../../src/runtime/container/container-record.js';
import {
  restartDelay,
  wantsRestart,
  wantsStartAtBoot,
} from '../../../src/runtime/container/restart-policy.js';

function ended(policy: string, state: Partial<ContainerState>, count = 0) {
  const config = { RestartPolicy: { Name: policy, MaximumRetryCount: count } };
  return { hostConfig: config, state: { ...NEW_STATE, status: 'exited', ...state } } as never;
}

describe('restart policies', () => {
  it.each([
    { policy: 'no', state: { exitCode: 1 }, restarts: false },
    { policy: '', state: { exitCode: 1 }, restarts: false },
    { policy: 'always', state: { exitCode: 0 }, restarts: true },
    { policy: 'always', state: { exitCode: 0, isStopped: true }, restarts: false },
    { policy: 'unless-stopped', state: { exitCode: 137 }, restarts: true },
    { policy: 'on-failure', state: { exitCode: 0 }, restarts: false },
    { policy: 'on-failure', state: { exitCode: 1, restartCount: 100 }, restarts: true },
  ])('$policy after $state: $restarts', ({ policy, state, restarts }) => {
    expect(wantsRestart(ended(policy, state))).toBe(restarts);
  });
  it('gives up after as many tries as it may make', () => {
    expect(wantsRestart(ended('on-failure', { exitCode: 1, restartCount: 1 }, 2))).toBe(true);
    expect(wantsRestart(ended('on-failure', { exitCode: 1, restartCount: 2 }, 2))).toBe(false);
  });
  it('starts at boot what ran, and with always also what was stopped', () => {
    expect(wantsStartAtBoot(ended('always', { isStopped: true }))).toBe(true);
    expect(wantsStartAtBoot(ended('unless-stopped', { isStopped: true }))).toBe(false);
    expect(wantsStartAtBoot(ended('unless-stopped', {}))).toBe(true);
    expect(wantsStartAtBoot(ended('no', {}))).toBe(false);
  });
  it('doubles the wait up to a minute, and begins anew after ten seconds of running', () => {
    const times = (seconds: number) => ({
      startedAt: '2026-01-01T00:00:00Z',
      finishedAt: new Date(Date.parse('2026-01-01T00:00:00Z') + seconds * 1000).toISOString(),
    });
    expect(restartDelay({ ...NEW_STATE, ...times(0) })).toBe(100);
    expect(restartDelay({ ...NEW_STATE, ...times(1), backoffMs: 100 })).toBe(200);
    expect(restartDelay({ ...NEW_STATE, ...times(1), backoffMs: 51_200 })).toBe(60_000);
    expect(restartDelay({ ...NEW_STATE, ...times(10), backoffMs: 51_200 })).toBe(100);
  });
});
