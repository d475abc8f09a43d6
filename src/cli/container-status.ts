import type { ContainerState } from '../runtime/container/index.js';
import { ago, humanDuration } from './image-units.js';

/** As `docker ps` says it: `Up 5 minutes (Paused)`, `Up 5 minutes (healthy)`, `Exited (0) 3 weeks ago`. */
export function statusText(state: ContainerState, now: number): string {
  const { status, exitCode, startedAt, finishedAt, health } = state;
  const up = () => `Up ${humanDuration(Math.max(0, now - Date.parse(startedAt ?? '')) / 1000)}`;
  switch (status) {
    case 'running':
      return health === undefined
        ? up()
        : `${up()} (${health.status === 'starting' ? 'health: starting' : health.status})`;
    case 'paused':
      return `${up()} (Paused)`;
    case 'restarting':
      return `Restarting (${exitCode}) ${ago(finishedAt, now)}`;
    case 'exited':
      return `Exited (${exitCode}) ${ago(finishedAt, now)}`;
    case 'created':
      return 'Created';
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
  }
}
