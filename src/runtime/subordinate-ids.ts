import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** Consecutive ids of the machine. */
export type IDRange = Readonly<{ first: number; count: number }>;

/** The largest range that /etc/subuid or /etc/subgid gives to a user, who is listed by name or number: subuid(5). */
export function subordinateRange(path: string, uid: number): IDRange | undefined {
  return largestRange(readIfAny(path), [String(uid), nameOf(uid)]);
}

export function largestRange(text: string, owners: readonly string[]): IDRange | undefined {
  return text
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(([owner = '']) => owner !== '' && owners.includes(owner))
    .map(([, first, count]) => ({ first: Number(first), count: Number(count) }))
    .filter(({ first, count }) => first > 0 && count > 0)
    .reduce<IDRange | undefined>(
      (best, range) => (best && best.count >= range.count ? best : range),
      undefined,
    );
}

/** Of this process's user, who may be a number alone. */
export function userName(): string {
  const uid = process.getuid?.() ?? 0;
  return nameOf(uid) || String(uid);
}

function nameOf(uid: number): string {
  try {
    return uid === process.getuid?.() ? userInfo().username : '';
  } catch {
    return ''; // a user without an account, as in some containers
  }
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
