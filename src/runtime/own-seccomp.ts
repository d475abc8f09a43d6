import { release } from 'node:os';
import { InvalidContainerError } from './errors.js';
import { isKernelAtLeast } from './kernel-version.js';
import { ARCHITECTURES } from './seccomp-table.js';
import { listOf, number, objectOf, type Shape, text } from './shapes.js';

/** Where a rule counts, or does not. Capabilities with CAP_; architectures as Go names them; `minKernel`: `4.8`. */
type Condition = Readonly<{ caps?: string[] | null; arches?: string[] | null; minKernel?: string | null }>;

type OwnRule = Readonly<{
  name?: string | null;
  names?: string[] | null;
  action: string;
  errnoRet?: number | null;
  args?: object[] | null;
  includes?: Condition | null;
  excludes?: Condition | null;
}>;

/** A profile of one's own: docker's format, which podman takes too. What rules mean is for runc to know. */
export type OwnSeccompProfile = Readonly<{
  defaultAction: string;
  defaultErrnoRet?: number | null;
  architectures?: string[] | null;
  archMap?: Readonly<{ architecture: string; subArchitectures?: string[] | null }>[] | null;
  flags?: string[] | null;
  syscalls: OwnRule[];
}>;

const action: Shape = (value) =>
  text(value) ?? (/^SCMP_ACT_[A-Z_]+$/.test(String(value)) ? undefined : 'must be like SCMP_ACT_ERRNO');
const version: Shape = (value) =>
  text(value) ?? (/^(?:\d+\.\d+)?$/.test(String(value)) ? undefined : 'must be like 4.8');
const unsupported: Shape = () => 'is not supported here';
const CONDITION = objectOf({ caps: listOf(text), arches: listOf(text), minKernel: version });
const PROFILE = objectOf({
  defaultAction: action,
  defaultErrnoRet: number,
  architectures: listOf(text),
  archMap: listOf(objectOf({ architecture: text, subArchitectures: listOf(text) })),
  flags: listOf(text),
  listenerPath: unsupported,
  listenerMetadata: unsupported,
  syscalls: listOf(
    objectOf({
      name: text,
      names: listOf(text),
      action,
      errnoRet: number,
      args: listOf(objectOf({ index: number, value: number, valueTwo: number, op: text })),
      includes: CONDITION,
      excludes: CONDITION,
    }),
  ),
});

export type SeccompMachine = Readonly<{ architecture: string; kernel: string }>;

const THIS_MACHINE: SeccompMachine = { architecture: process.arch, kernel: release() };
const GO_NAMES: Readonly<Record<string, string>> = { x64: 'amd64', ppc64: 'ppc64le' };

/**
 * @throws {InvalidContainerError} it is no such profile, or would mean less than it says.
 */
export function parseSeccompProfile(json: string): OwnSeccompProfile {
  const profile = parse(json);
  const wrong = PROFILE(profile) ?? contradictionOf(profile as Partial<OwnSeccompProfile>);
  if (wrong !== undefined) throw invalid(`it ${wrong}`);
  const known = profile as OwnSeccompProfile;
  return { ...known, syscalls: known.syscalls ?? [] };
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
    ...(defaultErrnoRet != null && { defaultErrnoRet }),
    ...(architectures?.length && { architectures }),
    ...(flags?.length && { flags }),
    syscalls: profile.syscalls
      .filter((rule) => counts(rule, { ...machine, capabilities }))
      .map(({ name, names, action, errnoRet, args }) => ({
        names: name ? [name] : (names ?? []),
        action,
        ...(errnoRet != null && { errnoRet }),
        ...(args?.length && { args }),
      })),
  };
}

type Facts = SeccompMachine & Readonly<{ capabilities: readonly string[] }>;

function counts(rule: OwnRule, facts: Facts): boolean {
  const [includes, excludes] = [rule.includes ?? {}, rule.excludes ?? {}];
  const { architecture, kernel, capabilities } = facts;
  const name = GO_NAMES[architecture] ?? architecture;
  const has = (capability: string) => capabilities.includes(capability);
  if (excludes.arches?.includes(name) || excludes.caps?.some(has)) return false;
  if (excludes.minKernel && isKernelAtLeast(excludes.minKernel, kernel)) return false;
  if (includes.arches?.length && !includes.arches.includes(name)) return false;
  if (includes.minKernel && !isKernelAtLeast(includes.minKernel, kernel)) return false;
  return includes.caps?.every(has) ?? true;
}

function contradictionOf({
  defaultAction,
  architectures,
  archMap,
  syscalls,
}: Partial<OwnSeccompProfile>): string | undefined {
  if (!defaultAction) return 'has no defaultAction';
  if (architectures?.length && archMap?.length) return 'has both architectures and archMap';
  const contradictory = syscalls?.find(({ name, names, action }) => !action || (name && names?.length));
  if (contradictory === undefined) return undefined;
  return contradictory.action ? 'has a rule with both name and names' : 'has a rule without an action';
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw invalid(`it is no JSON (${(error as Error).message})`);
  }
}

function invalid(why: string): InvalidContainerError {
  return new InvalidContainerError(`invalid --security-opt seccomp: ${why}`);
}
