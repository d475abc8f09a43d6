import { readFileSync } from 'node:fs';
import { type Rlimit, rlimits } from '../ulimits.js';
import { InvalidLimitError, type LimitsHostConfig } from './limit-config.js';

type Rights = Readonly<{
  /** This process has CAP_SYS_RESOURCE of the machine. */
  mayRaise: boolean;
}>;

/**
 * HostConfig.Ulimits for the OCI spec, none above what this process may give.
 * @param onNotice is told, in words for a person, of each that is lower than asked for. @throws {RuntimeError}
 */
export function rlimitsOf(
  { Ulimits }: Pick<LimitsHostConfig, 'Ulimits'>,
  { onNotice, ...rights }: Rights & { onNotice?: (text: string) => void },
): Rlimit[] {
  const asked = (Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard }));
  for (const { soft, hard } of asked) {
    if (hard >= 0 && (soft > hard || soft < 0))
      throw new InvalidLimitError(
        `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
      );
  }
  const given = rlimits(asked, rights);
  for (const [i, { name, hard }] of asked.entries()) {
    const most = given[i]?.hard ?? hard;
    if (most < (hard < 0 ? Number.POSITIVE_INFINITY : hard) && most < 2 ** 63)
      onNotice?.(`ulimit ${name} is ${most} instead of ${hard}: this process may give no more`);
  }
  return given;
}

/** HostConfig.OomScoreAdj; `undefined` leaves it as it is. @throws {InvalidLimitError} */
export function oomScoreOf(
  { OomScoreAdj = 0 }: Pick<LimitsHostConfig, 'OomScoreAdj'>,
  { mayRaise, own = Number(readFileSync('/proc/self/oom_score_adj', 'utf8')) }: Rights & { own?: number },
): number | undefined {
  if (OomScoreAdj === 0) return undefined;
  if (!(OomScoreAdj >= -1000 && OomScoreAdj <= 1000))
    throw new InvalidLimitError(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (OomScoreAdj < own && !mayRaise)
    throw new InvalidLimitError(
      `the OOM score cannot be ${OomScoreAdj}: below ${own}, that of this process, needs the capability SYS_RESOURCE`,
    );
  return OomScoreAdj;
}

/** HostConfig.ShmSize, bytes; `undefined` for the default. @throws {InvalidLimitError} */
export function shmBytesOf({ ShmSize = 0 }: Pick<LimitsHostConfig, 'ShmSize'>): number | undefined {
  if (ShmSize < 0) throw new InvalidLimitError('SHM size can not be less than 0');
  return ShmSize === 0 ? undefined : ShmSize;
}

/** Settings of the kernel that a namespace has for itself. */
const OF_NAMESPACES = [
  {
    kind: 'ipc',
    pattern: /^(kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\..+)$/,
  },
  { kind: 'network', pattern: /^net\..+$/ },
  { kind: 'uts', pattern: /^kernel\.(domainname|hostname)$/ },
] as const;

/**
 * HostConfig.Sysctls for the OCI spec. @param shared which namespaces the container shares with the machine, whose settings
 * are then not the container's to change. @throws {InvalidLimitError}
 */
export function sysctlsOf(
  { Sysctls }: Pick<LimitsHostConfig, 'Sysctls'>,
  shared: ReadonlySet<'ipc' | 'network' | 'uts'> = new Set(),
): Record<string, string> {
  const settings = Object.entries(Sysctls ?? {}).map(
    ([name, value]) => [name.replaceAll('/', '.'), value] as const,
  );
  for (const [name] of settings) {
    const kind = OF_NAMESPACES.find(({ pattern }) => pattern.test(name))?.kind;
    if (kind === undefined)
      throw new InvalidLimitError(`sysctl '${name}' is not allowed: it is about the whole machine`);
    if (shared.has(kind))
      throw new InvalidLimitError(`sysctl '${name}' not allowed in host ${kind} namespace`);
  }
  return Object.fromEntries(settings);
}
