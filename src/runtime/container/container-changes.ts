import { ContainerStateError } from '../errors.js';
import { readCgroupSupport, type UpdatableLimits, updateLimits } from '../limits/index.js';
import { usableCgroups } from '../surroundings.js';
import type { RestartPolicy } from './configuration.js';
import { type ContainerRecord, isAlive } from './container-record.js';
import type { HostParts } from './host-parts.js';
import { parseContainerName } from './names.js';
import { checkRestartPolicy } from './restart-policy.js';

export type ContainerUpdate = Readonly<{ limits: UpdatableLimits; restartPolicy?: RestartPolicy }>;

/** What is done to a container that goes on, under its lock. @throws {ContainerStateError} it does not run, or is paused. */
export async function pauseContainer(parts: HostParts, record: ContainerRecord): Promise<void> {
  if (!isAlive(record)) throw new ContainerStateError(`container ${record.id} is not running`);
  if (usableCgroups() === 'none')
    throw new ContainerStateError(
      `cannot pause container ${record.id}: that needs cgroups, and this process may not make any`,
    );
  if (record.state.status === 'paused')
    throw new ContainerStateError(`container ${record.id} is already paused`);
  await (await parts.control()).pause(record.id);
  parts.post(parts.store.setState(record.id, { status: 'paused' }), 'pause');
}

/** @throws {ContainerStateError} it is not paused. */
export async function unpauseContainer(parts: HostParts, record: ContainerRecord): Promise<void> {
  if (record.state.status !== 'paused') throw new ContainerStateError(`container ${record.id} is not paused`);
  await (await parts.control()).resume(record.id);
  parts.post(parts.store.setState(record.id, { status: 'running' }), 'unpause');
}

/** Limits change at once if it runs, and when it is started again. @throws {InvalidLimitError} @throws {InvalidContainerError} */
export async function updateContainer(
  parts: HostParts,
  record: ContainerRecord,
  { limits, restartPolicy }: ContainerUpdate,
): Promise<void> {
  if (restartPolicy !== undefined) checkRestartPolicy(restartPolicy, record.hostConfig);
  const support = readCgroupSupport(usableCgroups());
  const { hostConfig, resources } = updateLimits(record.hostConfig, limits, support);
  if (isAlive(record) && Object.keys(resources).length > 0)
    await (await parts.control()).update(record.id, resources);
  parts.store.configure(record.id, {
    hostConfig: { ...hostConfig, ...(restartPolicy && { RestartPolicy: restartPolicy }) },
  });
  parts.post(record, 'update');
}

/** @throws {ContainerConflictError} */
export function renameContainer(parts: HostParts, record: ContainerRecord, name: string): void {
  const parsed = parseContainerName(name);
  parts.store.rename(record.id, parsed);
  parts.post({ ...record, name: parsed }, 'rename', { oldName: `/${record.name}` });
}
