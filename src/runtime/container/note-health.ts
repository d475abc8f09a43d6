import { type ContainerRecord, isAlive } from './container-record.js';
import { type HealthResult, healthAfter, healthPlanOf, NEW_HEALTH } from './health.js';
import { addToHealthLog } from './health-log.js';
import type { HostParts } from './host-parts.js';

/** What a check of a container has found, unless that was stopped, started again or paused meanwhile. */
export function noteHealth(parts: HostParts, checked: ContainerRecord, result: HealthResult): void {
  const { id, config } = checked;
  const { startedAt = '' } = checked.state;
  const plan = healthPlanOf(config);
  const record = parts.store.byId(id);
  if (plan === undefined || record === undefined || !isAlive(record)) return;
  if (record.state.startedAt !== startedAt || record.state.status === 'paused') return;
  const before = record.state.health ?? NEW_HEALTH;
  const ranMs = Date.parse(result.Start) - Date.parse(startedAt);
  const health = healthAfter(before, { exitCode: result.ExitCode, ranMs }, plan);
  addToHealthLog(parts.folder(id), result);
  if (health.status === before.status && health.failingStreak === before.failingStreak) return;
  const noted = parts.store.setState(id, { health });
  if (health.status !== before.status) parts.post(noted, `health_status: ${health.status}`);
}
