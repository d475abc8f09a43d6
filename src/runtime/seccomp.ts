import { ALWAYS, ARCHITECTURES, WITH_CAPABILITY } from './seccomp-table.js';

type Argument = Readonly<{ index: number; value: number; valueTwo?: number; op: string }>;
type Rule = Readonly<{
  names: readonly string[];
  action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  errnoRet?: number;
  args?: readonly Argument[];
}>;

/** runtime-spec config-linux.md, "Seccomp". */
export type SeccompProfile = Readonly<{
  defaultAction: 'SCMP_ACT_ERRNO';
  defaultErrnoRet: number;
  architectures: readonly string[];
  syscalls: readonly Rule[];
}>;

const EPERM = 1;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** Every CLONE_NEW* but CLONE_NEWTIME, which clone(2) cannot be asked for. */
const NEW_NAMESPACES = 0x7e020000;
/** personality(2): Linux, a 32-bit machine's, the two with UNAME26, and the question for the present one. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/**
 * What a process with these capabilities may ask of the kernel: docker's default profile.
 * @param architecture as Node names it. @returns `undefined` where the profile has nothing to say.
 */
export function seccompProfile(
  capabilities: readonly string[],
  architecture: string = process.arch,
): SeccompProfile | undefined {
  const machine = ARCHITECTURES[architecture];
  if (!machine) return undefined;
  const granted = capabilities.flatMap((name) => WITH_CAPABILITY[name] ?? []);
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: machine.names.map((name) => `SCMP_ARCH_${name}`),
    syscalls: [
      allow([...new Set([...ALWAYS, ...machine.calls, ...granted])]),
      allow(['socket'], { index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }),
      ...PERSONALITIES.map((value) => allow(['personality'], { index: 0, value, op: 'SCMP_CMP_EQ' })),
      ...(capabilities.includes('CAP_SYS_ADMIN') ? [] : withoutNamespaces(architecture)),
    ],
  };
}

function withoutNamespaces(architecture: string): Rule[] {
  const flags = architecture === 's390x' ? 1 : 0;
  return [
    allow(['clone'], { index: flags, value: NEW_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }),
    // Its flags are behind a pointer, where no filter sees them; libc then falls back to clone.
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}

function allow(names: readonly string[], ...args: readonly Argument[]): Rule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args.length > 0 && { args }) };
}
