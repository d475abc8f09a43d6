import { readFileSync } from 'node:fs';

/** What docker and containerd leave to root in a container. */
export const DEFAULT_CAPABILITIES: readonly string[] = names(
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE',
);

/** All that Linux has, by number: capabilities(7), linux/capability.h. */
export const ALL_CAPABILITIES: readonly string[] = names(
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
    'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT ' +
    'SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP ' +
    'MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
);

/** What this process may hand on: a capability outside its own bounds cannot be given to a container. */
export function ownCapabilities(status = readFileSync('/proc/self/status', 'utf8')): ReadonlySet<string> {
  const mask = BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return new Set(ALL_CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n));
}

function names(words: string): string[] {
  return words.split(' ').map((word) => `CAP_${word}`);
}
