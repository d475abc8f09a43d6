import { userInfo } from 'node:os';
import { readIfAny } from '../linux/index.js';
import { RuntimeUnavailableError } from './errors.js';

/** Consecutive ids of the machine. */
export type IDRange = Readonly<{ first: number; count: number }>;

/** Which ids of the machine those of a container are, from 0 on. */
export type IDMap = Readonly<{ uids: IDRange; gids: IDRange }>;

/** What images take to be there. */
const USUAL_COUNT = 65_536;
/** user_namespaces(7): what is shown in place of an id that a namespace does not have. */
const NOBODY = 65_534;

/**
 * The ids that /etc/subuid and /etc/subgid give to somebody, who need not have an account.
 * @param owner `USER[:GROUP]`: users' ids are the former's, groups' ids the latter's, or the user's too.
 * @throws {RuntimeUnavailableError} with what would help: there are none, or fewer than images take to be there.
 */
export function subordinateIDs(owner: string, read: (path: string) => string = readIfAny): IDMap {
  const [, user = '', group = user] = /^([^:]+)(?::([^:]+))?$/.exec(owner) ?? [];
  if (user === '')
    throw new RuntimeUnavailableError(
      `${JSON.stringify(owner)} does not say whose ids containers are to have: BERTH_USERNS_REMAP and --userns-remap are USER, USER:GROUP or default`,
    );
  return {
    uids: expectRange('/etc/subuid', user, '--add-subuids', read),
    gids: expectRange('/etc/subgid', group, '--add-subgids', read),
  };
}

function expectRange(path: string, owner: string, option: string, read: (path: string) => string): IDRange {
  const range = largestRange(read(path), [owner]);
  if (range !== undefined && range.count >= USUAL_COUNT) return range;
  throw new RuntimeUnavailableError(
    `containers with ids of their own need ${USUAL_COUNT} ids that ${path} gives to ${owner}, and it gives ${range?.count ?? 'none'}: ` +
      `add the line ${owner}:NUMBER:${USUAL_COUNT}, with numbers that nobody else has in it, as ` +
      `usermod ${option} NUMBER-NUMBER ${owner} does for a user with an account`,
  );
}

/** The id of a container that the machine knows as this one. */
export function idInside({ first, count }: IDRange, id: number): number {
  return id >= first && id < first + count ? id - first : NOBODY;
}

/** What the machine knows an id of a container as. @throws {RangeError} the container has no such id. */
export function idOutside({ first, count }: IDRange, id: number): number {
  if (id < count) return first + id;
  throw new RangeError(`the container has no id ${id}: it has those below ${count}`);
}

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
