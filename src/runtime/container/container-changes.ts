import { isRunning, processIdentity } from '../../linux/index.js';
import { ContainerStateError, InvalidContainerError } from '../errors.js';
import { type UpdatableLimits, updateLimits } from '../limits/index.js';
import { ownCgroupSupport } from '../surroundings.js';
import type { RestartPolicy } from './configuration.js';
import { ownCgroupsOf } from './container-processes.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import type { HostParts } from './host-parts.js';
import { parseContainerName } from './names.js';
import { checkRestartPolicy } from './restart-policy.js';

export type ContainerUpdate = Readonly<{ limits: UpdatableLimits; restartPolicy?: RestartPolicy }>;

/** `meanwhile`: if this process is killed before it unpauses it, whoever looks next does. */
export type PauseOptions = Readonly<{ meanwhile?: boolean }>;

/** What is done to a container that goes on, under its lock. @throws {ContainerStateError} it does not run, or is paused. */
export async function pauseContainer(
  parts: HostParts,
  record: ContainerRecord,
  { meanwhile = false }: PauseOptions = {},
): Promise<void> {
  if (!isAlive(record)) throw new ContainerStateError(`container ${record.id} is not running`);
  expectOwnCgroups(record, 'pause');
  if (record.state.status === 'paused')
    throw new ContainerStateError(`container ${record.id} is already paused`);
  const control = await parts.control();
  // Noted first: of what is frozen and not said to be nobody would know.
  parts.store.setState(record.id, { pausedFor: processIdentity() });
  try {
    await control.pause(record.id);
    const state = { status: 'paused', ...(!meanwhile && { pausedFor: undefined }) } as const;
    parts.post(parts.store.setState(record.id, state), 'pause');
  } catch (error) {
    await control.resume(record.id).catch(() => {}); // it may not have come to that
    parts.store.setState(record.id, { pausedFor: undefined });
    throw error;
  }
}

/** Whether whoever paused it for something was killed before the end of that. */
export function isLeftPaused(record: ContainerRecord): boolean {
  const { pausedFor } = record.state;
  return isAlive(record) && pausedFor !== undefined && isRunning(pausedFor) === false;
}

/** Of one that is to be paused no longer, under its lock. */
export async function resumePaused(parts: HostParts, record: ContainerRecord): Promise<ContainerRecord> {
  // It may not have come to that: then the runtime refuses.
  await (await parts.control()).resume(record.id).catch(() => {});
  const running = parts.store.setState(record.id, { status: 'running', pausedFor: undefined });
  if (record.state.status === 'paused') parts.post(running, 'unpause');
  return running;
}

/** @throws {ContainerStateError} it is not paused. */
export async function unpauseContainer(parts: HostParts, record: ContainerRecord): Promise<void> {
  if (record.state.status !== 'paused') throw new ContainerStateError(`container ${record.id} is not paused`);
  await (await parts.control()).resume(record.id);
  parts.post(parts.store.setState(record.id, { status: 'running', pausedFor: undefined }), 'unpause');
}

/** Limits change at once if it runs, and when it is started again. @throws {InvalidLimitError} @throws {InvalidContainerError} */
export async function updateContainer(
  parts: HostParts,
  record: ContainerRecord,
  { limits, restartPolicy }: ContainerUpdate,
): Promise<void> {
  if (restartPolicy !== undefined) checkRestartPolicy(restartPolicy, record.hostConfig);
  const support = ownCgroupSupport();
  const { hostConfig, resources } = updateLimits(record.hostConfig, limits, support);
  if (isAlive(record) && Object.keys(resources).length > 0) {
    expectOwnCgroups(record, 'update');
    await (await parts.control()).update(record.id, resources);
  }
  parts.store.configure(record.id, {
    hostConfig: { ...hostConfig, ...(restartPolicy && { RestartPolicy: restartPolicy }) },
  });
  parts.post(record, 'update');
}

function expectOwnCgroups(record: ContainerRecord, verb: string): void {
  if (ownCgroupsOf(record) !== undefined) return;
  throw new ContainerStateError(
    `cannot ${verb} container ${record.id}: that needs cgroups of its own, and it was started by somebody who may not make any`,
  );
}

/** @throws {ContainerConflictError} */
export function renameContainer(parts: HostParts, record: ContainerRecord, name: string): void {
  const parsed = parseContainerName(name);
  if (parsed === record.name)
    throw new InvalidContainerError('Renaming a container with the same name as its current name');
  parts.store.rename(record.id, parsed);
  parts.post({ ...record, name: parsed }, 'rename', { oldName: `/${record.name}` });
}
