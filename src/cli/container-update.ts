import { type ChangeableLimitFlags, changeableLimitsOf, parseRestartPolicy } from './container-body.js';
import { eachContainer } from './container-life.js';
import { UsageError } from './failure.js';
import type { StoreFlags } from './image-store.js';

export type UpdateFlags = StoreFlags & ChangeableLimitFlags & Readonly<{ restart?: string }>;

/** `berth update`: prints the names of those that it changed. */
export async function updateContainers(names: readonly string[], flags: UpdateFlags): Promise<void> {
  const change = {
    limits: changeableLimitsOf(flags),
    ...(flags.restart !== undefined && { restartPolicy: parseRestartPolicy(flags) }),
  };
  if (Object.keys(change.limits).length === 0 && flags.restart === undefined)
    throw new UsageError('you must provide one or more flags when using this command');
  await eachContainer(names, flags, (host, name) => host.update(name, change));
}
