import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { runProgram } from '../programs.js';
import { endingWithUs, networkProgram } from './network-programs.js';

type Table = 'filter' | 'nat';

const PROGRAMS = {
  4: ['iptables-save', 'iptables-restore'],
  6: ['ip6tables-save', 'ip6tables-restore'],
} as const;

/** A rule of iptables(8): `place` is -A or -I with a chain, `match` what it is for and what becomes of that. */
export type FirewallRule = Readonly<{ table: Table; place: string; match: string }>;

/** Rules that are to be there under one name, and no others of that name. */
export type FirewallGroup = Readonly<{
  /** Letters, digits and `-`: with a digest of them all it is the comment of each of its rules, by which it is found again. */
  name: string;
  rules: readonly FirewallRule[];
}>;

export type FirewallPlace = Readonly<{
  /** 4 if not said. */
  family?: 4 | 6;
  /** Of our own, which stay. */
  chains?: readonly Readonly<{ table: Table; name: string }>[];
  /** Put before a command, it runs where the rules are to be. */
  prefix?: readonly string[];
}>;

/**
 * Makes the rules of IPv4 or of IPv6 as these groups say, all of a table at once: one program looks, and another changes what
 * differs. Safe to repeat. @throws {RuntimeError}
 */
export async function putFirewallGroups(
  groups: readonly FirewallGroup[],
  { family = 4, chains = [], prefix = [] }: FirewallPlace = {},
): Promise<void> {
  const [save, restore] = PROGRAMS[family];
  const saved = await runProgram([...prefix, networkProgram(save)]);
  const text = (['filter', 'nat'] as const).flatMap((table) => {
    const lines = linesOf(saved, table);
    const missing = chains.filter((chain) => chain.table === table && !hasChain(lines, chain.name));
    const changes = groups.flatMap((group) => changesOf(group, table, lines));
    if (missing.length === 0 && changes.length === 0) return [];
    return [`*${table}`, ...missing.map(({ name }) => `:${name} - [0:0]`), ...changes, 'COMMIT'];
  });
  if (text.length === 0) return;
  const command = [...endingWithUs(), ...prefix, networkProgram(restore), '--noflush', '--wait'];
  await runProgram(command, `${text.join('\n')}\n`);
}

/** Whether netavark has to do it: firewalld keeps the rules of others from working, and a person may have chosen. */
export function hasOtherFirewall(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.NETAVARK_FW !== undefined || existsSync('/run/firewalld.pid');
}

function changesOf({ name, rules }: FirewallGroup, table: Table, lines: readonly string[]): string[] {
  const wanted = rules.filter((rule) => rule.table === table);
  const digest = createHash('sha256').update(JSON.stringify(wanted)).digest('hex').slice(0, 8);
  const mark = new RegExp(`--comment "?(${name}(?:-[0-9a-f]{8})?)"?(?: |$)`);
  const there = lines.flatMap((line) => {
    const comment = line.startsWith('-A ') ? mark.exec(line)?.[1] : undefined;
    return comment === undefined ? [] : [{ line, comment }];
  });
  const comment = `${name}-${digest}`;
  if (there.length === wanted.length && there.every((each) => each.comment === comment)) return [];
  return [
    ...there.map(({ line }) => line.replace('-A ', '-D ')),
    ...wanted.map(({ place, match }) => `${place} -m comment --comment ${comment} ${match}`),
  ];
}

function linesOf(saved: string, table: Table): string[] {
  const lines = saved.split('\n');
  const start = lines.indexOf(`*${table}`);
  return start < 0 ? [] : lines.slice(start, lines.indexOf('COMMIT', start));
}

function hasChain(lines: readonly string[], name: string): boolean {
  return lines.some((line) => line.startsWith(`:${name} `));
}
