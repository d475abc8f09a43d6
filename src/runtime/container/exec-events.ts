import { randomBytes } from 'node:crypto';
import type { RuntimeEvents } from '../runtime-events.js';
import type { ContainerRecord } from './container-record.js';

/** 64 digits of hex, as docker has it. */
export function newExecId(): string {
  return randomBytes(32).toString('hex');
}

/** Tells of a further process of a container, in docker's words: `exec_create: ls -l`, `exec_start: ls -l`, `exec_die`. */
export function postExec(
  events: RuntimeEvents,
  { id, name, image, config }: ContainerRecord,
  execID: string,
  what:
    | Readonly<{ action: 'exec_create' | 'exec_start'; args: readonly string[] }>
    | Readonly<{ exitCode: number }>,
): void {
  const [action, more] =
    'exitCode' in what
      ? ['exec_die', { exitCode: String(what.exitCode) }]
      : [`${what.action}: ${commandText(what.args)}`, {}];
  const attributes = { ...config.Labels, execID, image: image.name, name, ...more };
  events.post({ type: 'container', action, actor: id, attributes });
}

/** Tells that somebody looks at a container's streams from now on, or will when it starts. */
export function postAttach(events: RuntimeEvents, { id, name, image, config }: ContainerRecord): void {
  const attributes = { ...config.Labels, image: image.name, name };
  events.post({ type: 'container', action: 'attach', actor: id, attributes });
}

/** Docker has a space after a program also where it has no arguments. */
function commandText([program = '', ...args]: readonly string[]): string {
  return `${program} ${args.join(' ')}`;
}
