import { InvalidContainerError } from '../errors.js';
import type { ContainerConfig } from './configuration.js';

type Healthcheck = NonNullable<ContainerConfig['Healthcheck']>;

/** What its checks say of a container. `starting` until one has passed, or too many have failed. */
export type Health = Readonly<{
  status: 'starting' | 'healthy' | 'unhealthy';
  /** So many of the last checks failed, one after the other. */
  failingStreak: number;
}>;

/** One check, in docker's members: those that State.Health.Log of inspect has. Times as of RFC 3339. */
export type HealthResult = Readonly<{
  Start: string;
  End: string;
  /** 0 is well; -1 where it could not be run, or took too long. */
  ExitCode: number;
  /** The beginning of what it printed. */
  Output: string;
}>;

/** How a container is checked; times in milliseconds. */
export type HealthPlan = Readonly<{
  args: readonly string[];
  interval: number;
  timeout: number;
  /** From its start on; what fails in it does not count. */
  startPeriod: number;
  /** In place of the interval, in that time, until it is well. */
  startInterval: number;
  retries: number;
}>;

export const NEW_HEALTH: Health = { status: 'starting', failingStreak: 0 };

const NS_PER_MS = 1_000_000;
const SHELL = ['/bin/sh', '-c'];

/** With docker's defaults; `undefined` for a container that nobody checks. */
export function healthPlanOf({ Healthcheck, Shell }: ContainerConfig): HealthPlan | undefined {
  const [kind, ...words] = Healthcheck?.Test ?? [];
  if (Healthcheck == null || kind === undefined || kind === 'NONE') return undefined;
  const ms = (value: number | undefined, usual: number) => (value ? value / NS_PER_MS : usual);
  return {
    args: kind === 'CMD-SHELL' ? [...(Shell?.length ? Shell : SHELL), ...words] : words,
    interval: ms(Healthcheck.Interval, 30_000),
    timeout: ms(Healthcheck.Timeout, 30_000),
    startPeriod: ms(Healthcheck.StartPeriod, 0),
    startInterval: ms(Healthcheck.StartInterval, 5_000),
    retries: Healthcheck.Retries || 3,
  };
}

/** @throws {InvalidContainerError} in docker's words. */
export function checkHealthcheck(healthcheck: ContainerConfig['Healthcheck']): void {
  if (healthcheck == null) return;
  const [kind, ...words] = healthcheck.Test ?? [];
  if (kind !== undefined && !['', 'NONE', 'CMD', 'CMD-SHELL'].includes(kind))
    throw new InvalidContainerError(`unknown healthcheck type '${kind}'; there are NONE, CMD and CMD-SHELL`);
  if ((kind === 'CMD' || kind === 'CMD-SHELL') && words.length === 0)
    throw new InvalidContainerError(`a healthcheck of type ${kind} needs a command`);
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const)
    checkDuration(name, healthcheck);
  if ((healthcheck.Retries ?? 0) < 0)
    throw new InvalidContainerError('Retries in Healthcheck cannot be negative');
}

function checkDuration(
  name: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval',
  healthcheck: Healthcheck,
): void {
  const nanoseconds = healthcheck[name] ?? 0;
  if (nanoseconds !== 0 && nanoseconds < NS_PER_MS)
    throw new InvalidContainerError(`${name} in Healthcheck cannot be less than 1ms`);
}

/** How long to wait for the next check. @param ranMs since its start. */
export function checkDelay({ status }: Health, plan: HealthPlan, ranMs: number): number {
  return status === 'starting' && ranMs < plan.startPeriod ? plan.startInterval : plan.interval;
}

/** What is to be said of a container after another check. @param ranMs from its start to that of the check. */
export function healthAfter(
  { status, failingStreak }: Health,
  { exitCode, ranMs }: Readonly<{ exitCode: number; ranMs: number }>,
  { startPeriod, retries }: HealthPlan,
): Health {
  if (exitCode === 0) return { status: 'healthy', failingStreak: 0 };
  if (status === 'starting' && ranMs < startPeriod) return { status, failingStreak };
  const streak = failingStreak + 1;
  return { status: streak >= retries ? 'unhealthy' : status, failingStreak: streak };
}
