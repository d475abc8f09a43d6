import { InvalidContainerError } from '../errors.js';
import type { HostConfig, RestartPolicy } from './configuration.js';
import type { ContainerRecord } from './container-record.js';

const SHORTEST_MS = 100;
const LONGEST_MS = 60_000;
/** Whoever ran for so long is not in a loop of failures. */
const HEALTHY_MS = 10_000;

const NAMES = ['', 'no', 'always', 'unless-stopped', 'on-failure'];

/** @throws {InvalidContainerError} one that there is not, or of a container that is removed at its end. */
export function checkRestartPolicy(
  { Name = '', MaximumRetryCount = 0 }: RestartPolicy,
  { AutoRemove }: HostConfig,
): void {
  if (!NAMES.includes(Name)) {
    throw new InvalidContainerError(
      `invalid restart policy: unknown policy '${Name}'; there are ${NAMES.slice(1).join(', ')}`,
    );
  }
  if (MaximumRetryCount !== 0 && Name !== 'on-failure') {
    throw new InvalidContainerError(
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  }
  if (AutoRemove === true && Name !== '' && Name !== 'no') {
    throw new InvalidContainerError("can't create 'AutoRemove' container with restart policy");
  }
}

/** Whether a container may be started again at its end, without anybody asking. */
export function mayRestart({ hostConfig }: ContainerRecord): boolean {
  return !['', 'no'].includes(hostConfig.RestartPolicy?.Name ?? '');
}

/** Whether a container that has ended is to be started again, without anybody asking. */
export function wantsRestart({ state, hostConfig }: ContainerRecord): boolean {
  if (state.isStopped || (state.status !== 'exited' && state.status !== 'restarting')) return false;
  const { Name = '', MaximumRetryCount = 0 } = hostConfig.RestartPolicy ?? {};
  if (Name === 'always' || Name === 'unless-stopped') return true;
  if (Name !== 'on-failure' || state.exitCode === 0) return false;
  return MaximumRetryCount === 0 || state.restartCount < MaximumRetryCount;
}

/** Whether it is to run again after the machine was started: one that a person stopped only with `always`. */
export function wantsStartAtBoot({ state, hostConfig }: ContainerRecord): boolean {
  const name = hostConfig.RestartPolicy?.Name ?? '';
  if (name === 'always') return true;
  if (state.isStopped || state.status === 'created') return false;
  return name === 'unless-stopped' || (name === 'on-failure' && state.exitCode !== 0);
}

/** How long to wait first: docker's 100 ms, doubled with every start until one holds for ten seconds. */
export function restartDelay({ startedAt, finishedAt, backoffMs = 0 }: ContainerRecord['state']): number {
  const ranMs = Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '');
  if (backoffMs === 0 || ranMs >= HEALTHY_MS) return SHORTEST_MS;
  return Math.min(2 * backoffMs, LONGEST_MS);
}
