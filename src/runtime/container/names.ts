import { randomBytes, randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { InvalidContainerError } from '../errors.js';
import type { Surroundings } from '../spec.js';
import { scopeOf } from '../user-cgroups.js';
import type { HostConfig } from './configuration.js';
import type { ContainerRecord } from './container-record.js';

const GRAMMAR = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** As docker has them: 64 digits, of which twelve are shown, and never all numbers. */
export function newContainerId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (/[a-f]/.test(id.slice(0, 12))) return id;
  }
}

/** @param text with or without the slash that docker puts before names. @throws {InvalidContainerError} */
export function parseContainerName(text: string): string {
  const name = text.replace(/^\//, '');
  if (GRAMMAR.test(name)) return name;
  throw new InvalidContainerError(
    `Invalid container name (${text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** Docker's: the first twelve digits of its id; on the machine's network, that of the machine. */
export function hostnameOf({ id, config, hostConfig }: ContainerRecord): string {
  const isShared = hostConfig.NetworkMode === 'host' || hostConfig.UTSMode === 'host';
  return config.Hostname || (isShared ? hostname() : id.slice(0, 12));
}

/**
 * Where its limits are: runtime-spec config-linux.md, "Cgroups Path".
 * @throws {InvalidContainerError} its parent was taken when there were other cgroups, or none.
 */
export function cgroupPathOf(record: ContainerRecord, own: OwnCgroups): string {
  checkCgroupParent(record.hostConfig, own);
  return own.userCgroup === undefined ? pathOf(record) : scopeIn(record).cgroupsPath;
}

/** As {@link removeCgroups} has it. */
export function cgroupPlaceOf(
  record: ContainerRecord,
  { userCgroup }: OwnCgroups,
): Readonly<{ path: string; mount?: string }> {
  if (userCgroup === undefined) return { path: pathOf(record) };
  return { path: scopeIn(record).below, mount: userCgroup };
}

type OwnCgroups = Pick<Surroundings, 'userCgroup'>;

function pathOf({ id, hostConfig }: ContainerRecord): string {
  return join('/', hostConfig.CgroupParent || 'berth', id);
}

function scopeIn({ id, hostConfig: { CgroupParent } }: ContainerRecord) {
  return scopeOf(id, CgroupParent || undefined);
}

/** @throws {InvalidContainerError} an ordinary user's systemd has no such place, in docker's words. */
export function checkCgroupParent({ CgroupParent }: HostConfig, { userCgroup }: OwnCgroups): void {
  if (userCgroup === undefined || !CgroupParent || /^[\w.]+(?:-[\w.]+)*\.slice$/.test(CgroupParent)) return;
  throw new InvalidContainerError(
    `cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice", and is ${CgroupParent}: ` +
      'make the container with such a slice, or without --cgroup-parent',
  );
}

const QUALITIES =
  'able bold brave bright brisk calm candid clever cosy dapper deft eager early fair fleet fresh gentle glad grand hardy hasty honest jolly keen kind lively loyal lucid mellow merry mild modest nimble noble patient placid polite prompt proud quick quiet ready robust serene sharp shiny sincere sleek snug sober solid spry stable steady stout sturdy sunny swift tidy trim trusty vivid warm wise witty zesty'.split(
    ' ',
  );
const BOATS =
  'barge brig caique canoe caravel carrack catamaran clipper cog coracle corvette cutter dhow dinghy dory ferry frigate galley galleon gondola hulk jolly junk kayak keelboat ketch launch lighter longboat lugger packet pilot pinnace pontoon pram punt raft sampan schooner scow shallop skiff sloop steamer tartane tender trawler trimaran tug vedette wherry xebec yawl'.split(
    ' ',
  );

/** A name for who gave none: `brave_cutter`. @param attempt with numbers once the short ones are taken. */
export function inventName(attempt: number): string {
  const pick = (list: readonly string[]) => list[randomInt(list.length)] ?? '';
  return `${pick(QUALITIES)}_${pick(BOATS)}${attempt > 2 ? randomInt(10 ** attempt) : ''}`;
}
