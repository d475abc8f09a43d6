import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineLog } from '../engine/index.js';
import { type ContainerHost, watchHealth } from '../runtime/container/index.js';
import { logPlanOf, rotateLog } from '../runtime/logs/index.js';

/** A container that prints all it can fills some hundred megabytes meanwhile. */
const INTERVAL_MS = 5000;

/**
 * What a service does for containers and single commands cannot: it starts them after a boot, checks whether they are well,
 * sees to those of which a part was killed though nobody looks, and keeps their logs small.
 */
export async function keepContainers(
  host: ContainerHost,
  log: EngineLog,
  signal: AbortSignal,
): Promise<void> {
  await startAfterBoot(host, log).catch((error: unknown) =>
    log.error({ err: error }, 'containers could not be started again'),
  );
  const watched = watchHealth(host, {
    signal,
    onFailure: (container, error) => log.error({ container, err: error }, 'its health cannot be checked'),
  }).catch((error: unknown) => {
    if (!signal.aborted) log.error({ err: error }, 'the health of containers is not checked any more');
  });
  while (!signal.aborted) {
    await host
      .repair()
      .catch((error: unknown) => log.error({ err: error }, 'containers could not be repaired'));
    await rotateLogs(host).catch((error: unknown) => log.error({ err: error }, 'logs could not be rotated'));
    await sleep(INTERVAL_MS, undefined, { signal }).catch(() => {}); // over: the loop ends
  }
  await watched;
}

async function startAfterBoot(host: ContainerHost, log: EngineLog): Promise<void> {
  for (const { id, error } of await host.startAfterBoot()) {
    log.warn({ container: id, error: (error as Error).message }, 'a container could not be started again');
  }
}

async function rotateLogs(host: ContainerHost): Promise<void> {
  for (const { id, state, hostConfig } of await host.list()) {
    const { driver, limits } = logPlanOf(hostConfig.LogConfig);
    if (state.status !== 'running' || driver !== 'json-file') continue;
    const folder = host.folder(id);
    await rotateLog({ log: folder.file('log'), ctl: folder.file('ctl') }, limits);
  }
}
