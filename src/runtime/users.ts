import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { RuntimeError, UserNotFoundError } from './errors.js';
import { lstatIfAny, resolveInRoot } from './root-path.js';

/** Whom a process runs as, in the container's numbers. */
export type ProcessUser = Readonly<{ uid: number; gid: number; groups: readonly number[]; home: string }>;

/** The text of `path` inside a root filesystem; '' when there is none. */
export type ReadText = (path: '/etc/passwd' | '/etc/group') => string;

type Account = Readonly<{ name: string; uid: number; gid: number; home: string }>;
type Group = Readonly<{ name: string; gid: number; members: readonly string[] }>;

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_ID = 2 ** 32 - 2;

/**
 * Finds `user[:group]`, both names or numbers, '' for root. A number need not be known: then its group is 0. With a
 * group the user has no other; without, those of /etc/group that list the user.
 * @throws {UserNotFoundError}
 */
export function findUser(text: string, read: ReadText): ProcessUser {
  const [name = '', groupName = ''] = text.split(':', 2);
  const accounts = parsePasswd(read('/etc/passwd'));
  const groups = parseGroup(read('/etc/group'));
  const wanted = name === '' ? '0' : name;
  const account = accounts.find((entry) => entry.name === wanted) ?? byNumber(accounts, wanted);
  if (!account) {
    throw new UserNotFoundError(`cannot run as user ${JSON.stringify(name)}: no such name in /etc/passwd`);
  }
  const own = groups.filter(({ members }) => members.includes(account.name) && account.name !== '');
  const { uid, home } = account;
  if (groupName !== '') return { uid, home, gid: gidOf(groupName, groups), groups: [] };
  return { uid, home, gid: account.gid, groups: [...new Set(own.map(({ gid }) => gid))] };
}

/** Reads /etc/passwd and /etc/group of a root filesystem on disk. */
export function textsOf(root: string): ReadText {
  return (path) => {
    const file = resolveInRoot(root, path);
    if (!lstatIfAny(file)?.isFile()) return '';
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (fstatSync(fd).size > MAX_FILE_BYTES) throw new RuntimeError(`${path} of the image is too large`);
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  };
}

function byNumber(accounts: readonly Account[], text: string): Account | undefined {
  const uid = parseID(text);
  if (uid === undefined) return undefined;
  return accounts.find((entry) => entry.uid === uid) ?? { name: '', uid, gid: 0, home: '/' };
}

function gidOf(text: string, groups: readonly Group[]): number {
  const gid = groups.find(({ name }) => name === text)?.gid ?? parseID(text);
  if (gid !== undefined) return gid;
  throw new UserNotFoundError(`cannot run as group ${JSON.stringify(text)}: no such name in /etc/group`);
}

function parsePasswd(text: string): Account[] {
  return rows(text).flatMap(([name = '', , uidText = '', gidText = '', , home = '']) => {
    const [uid, gid] = [parseID(uidText), parseID(gidText)];
    if (name === '' || uid === undefined || gid === undefined) return [];
    return [{ name, uid, gid, home: home === '' ? '/' : home }];
  });
}

function parseGroup(text: string): Group[] {
  return rows(text).flatMap(([name = '', , gidText = '', members = '']) => {
    const gid = parseID(gidText);
    if (name === '' || gid === undefined) return [];
    return [{ name, gid, members: members.split(',').map((member) => member.trim()) }];
  });
}

function rows(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(':'));
}

function parseID(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return id <= MAX_ID ? id : undefined;
}
