import { release } from 'node:os';
import { InvalidContainerError } from './errors.js';
import { ARCHITECTURES } from './seccomp-table.js';

/** Where a rule counts, or does not. Capabilities with CAP_; architectures as Go names them; `minKernel`: `4.8`. */
type Condition = Readonly<{ caps?: string[]; arches?: string[]; minKernel?: string }>;

type OwnRule = Readonly<{
  name?: string;
  names?: string[];
  action: string;
  errnoRet?: number;
  args?: object[];
  includes?: Condition;
  excludes?: Condition;
}>;

/** A profile of one's own: docker's format, which podman takes too. What rules mean is for runc to know. */
export type OwnSeccompProfile = Readonly<{
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  archMap?: Readonly<{ architecture: string; subArchitectures?: string[] | null }>[];
  flags?: string[];
  syscalls: OwnRule[];
}>;

export type SeccompMachine = Readonly<{ architecture: string; kernel: string }>;

const THIS_MACHINE: SeccompMachine = { architecture: process.arch, kernel: release() };
const GO_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ppc64: 'ppc64le' };

/**
 * @param text JSON.
 * @throws {InvalidContainerError} it is no such profile, or would mean less than it says.
 */
export function parseSeccompProfile(text: string): OwnSeccompProfile {
  const profile = objectOf(parse(text), 'the profile') as Record<string, unknown> & OwnSeccompProfile;
  for (const key of ['listenerPath', 'listenerMetadata']) expectAbsent(profile, key, 'the profile');
  expectAction(profile.defaultAction, 'defaultAction');
  optionalNames(profile.architectures, 'architectures');
  optionalNames(profile.flags, 'flags');
  for (const entry of listOf(profile.archMap, 'archMap')) {
    const { architecture, subArchitectures } = objectOf(entry, 'archMap');
    optionalNames([architecture], 'architecture of archMap');
    optionalNames(subArchitectures, 'subArchitectures');
  }
  if (profile.architectures?.length && profile.archMap?.length)
    throw invalid('architectures and archMap cannot both be there');
  for (const entry of listOf(profile.syscalls, 'syscalls')) expectRule(objectOf(entry, 'syscalls'));
  return { ...profile, syscalls: profile.syscalls ?? [] };
}

/**
 * The rules that count for a process with these capabilities, on this machine: runtime-spec config-linux.md, "Seccomp".
 * @param capabilities with CAP_.
 */
export function ownSeccomp(
  profile: OwnSeccompProfile,
  capabilities: readonly string[],
  machine: SeccompMachine = THIS_MACHINE,
) {
  const { defaultAction, defaultErrnoRet, flags } = profile;
  const native = `SCMP_ARCH_${ARCHITECTURES[machine.architecture]?.names[0]}`;
  const mapped = profile.archMap?.find(({ architecture }) => architecture === native);
  const architectures = mapped ? [native, ...(mapped.subArchitectures ?? [])] : profile.architectures;
  return {
    defaultAction,
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    ...(architectures?.length && { architectures }),
    ...(flags?.length && { flags }),
    syscalls: profile.syscalls
      .filter((rule) => counts(rule, { ...machine, capabilities }))
      .map(({ name, names = [], action, errnoRet, args }) => ({
        names: name ? [...names, name] : names,
        action,
        ...(errnoRet !== undefined && { errnoRet }),
        ...(args?.length && { args }),
      })),
  };
}

type Facts = SeccompMachine & Readonly<{ capabilities: readonly string[] }>;

function counts({ includes = {}, excludes = {} }: OwnRule, facts: Facts): boolean {
  const { architecture, kernel, capabilities } = facts;
  const name = GO_NAMES[architecture] ?? architecture;
  const has = (capability: string) => capabilities.includes(capability);
  if (excludes.arches?.includes(name) || excludes.caps?.some(has)) return false;
  if (excludes.minKernel && isAtLeast(kernel, excludes.minKernel)) return false;
  if (includes.arches?.length && !includes.arches.includes(name)) return false;
  if (includes.minKernel && !isAtLeast(kernel, includes.minKernel)) return false;
  return includes.caps?.every(has) ?? true;
}

function isAtLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function expectRule(rule: Record<string, unknown>): void {
  const { name, names } = rule;
  if (name && Array.isArray(names) && names.length > 0)
    throw invalid('a rule of syscalls has both name and names');
  optionalNames(name === undefined || name === '' ? names : [name], 'names of syscalls');
  expectAction(rule.action, 'action of syscalls');
  for (const argument of listOf(rule.args, 'args of syscalls')) {
    const { index, value, valueTwo = 0 } = objectOf(argument, 'args of syscalls');
    if (![index, value, valueTwo].every(Number.isSafeInteger))
      throw invalid('index, value and valueTwo of args are whole numbers below 2^53');
  }
  for (const key of ['includes', 'excludes']) {
    const condition = objectOf(rule[key] ?? {}, key);
    optionalNames(condition.caps, `caps of ${key}`);
    optionalNames(condition.arches, `arches of ${key}`);
    const { minKernel = '' } = condition;
    if (minKernel !== '' && !/^\d+\.\d+$/.test(String(minKernel)))
      throw invalid(`minKernel of ${key} is like 4.8`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`it is no JSON (${(error as Error).message})`);
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(`${what}: an object is expected`);
}

function listOf(value: unknown, what: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw invalid(`${what}: a list is expected`);
}

function optionalNames(value: unknown, what: string): void {
  if (!listOf(value, what).every((name) => typeof name === 'string' && name !== ''))
    throw invalid(`${what}: a list of names is expected`);
}

function expectAction(value: unknown, what: string): void {
  if (typeof value !== 'string' || !/^SCMP_ACT_[A-Z_]+$/.test(value))
    throw invalid(`${what}: SCMP_ACT_ERRNO, SCMP_ACT_ALLOW or the like is expected`);
}

function expectAbsent(object: object, key: string, what: string): void {
  if (key in object) throw invalid(`${what}: ${key} is not supported here`);
}

function invalid(why: string): InvalidContainerError {
  return new InvalidContainerError(`invalid --security-opt seccomp: ${why}`);
}
