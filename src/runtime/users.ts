import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { RuntimeError, UserNotFoundError } from './errors.js';
import { lstatIfAny, resolveInRoot } from './root-path.js';

/** Whom a process runs as, in the container's numbers. */
export type ProcessUser = Readonly<{ uid: number; gid: number; groups: readonly number[]; home: string }>;

/** The text of `path` inside a root filesystem; '' when there is none. */
export type ReadText = (path: '/etc/passwd' | '/etc/group') => string;

type Account = Readonly<{ name: string; uid: number; gid: number; home: string }>;
type Group = Readonly<{ name: string; gid: number; members: readonly string[] }>;

const MAX_FILE_BYTES = 4 * 1024 * 1024;
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

/**
 * Reads /etc/passwd and /etc/group of a root filesystem, in which a container may be at work: it can put anything in their
 * place at any moment. What is waited for, or has no end, is refused: the runtime opens both files too, whatever numbers it
 * is given, and would never be done. @throws {RuntimeError}
 */
export function textsOf(root: string): ReadText {
  return (path) => {
    const place = resolveInRoot(root, path);
    const seen = place.slice(root.length) || '/';
    if (seen === '/dev/null') return '';
    // Those are other files in the container than in its image, and what there is has no end, or is waited for.
    if (/^\/(?:dev|proc|sys)(?:\/|$)/.test(seen)) throw unusable(path, `leads to ${seen}`);
    const stats = lstatIfAny(place);
    if (stats === undefined) return '';
    if (!stats.isFile()) throw unusable(path, 'is no file');
    return readSmallFile(place, path);
  };
}

/** @param name by which people know it. */
function readSmallFile(file: string, name: string): string {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw unusable(name, 'is no file');
    if (stats.size > MAX_FILE_BYTES) throw unusable(name, `has more than ${MAX_FILE_BYTES} bytes`);
    return readUpTo(fd, stats.size);
  } finally {
    closeSync(fd);
  }
}

function unusable(path: string, why: string): RuntimeError {
  return new RuntimeError(`cannot find out who is to run in the container: its ${path} ${why}`);
}

function readUpTo(fd: number, bytes: number): string {
  const buffer = Buffer.alloc(bytes);
  let length = 0;
  while (length < bytes) {
    const read = readSync(fd, buffer, length, bytes - length, null);
    if (read === 0) break;
    length += read;
  }
  return buffer.toString('utf8', 0, length);
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
  const accounts: Account[] = [];
  for (const [name = '', , uidText = '', gidText = '', , home = ''] of rows(text)) {
    const [uid, gid] = [parseID(uidText), parseID(gidText)];
    if (name === '' || uid === undefined || gid === undefined) continue;
    accounts.push({ name, uid, gid, home: home === '' ? '/' : home });
  }
  return accounts;
}

function parseGroup(text: string): Group[] {
  const groups: Group[] = [];
  for (const [name = '', , gidText = '', members = ''] of rows(text)) {
    const gid = parseID(gidText);
    if (name === '' || gid === undefined) continue;
    groups.push({ name, gid, members: members.split(',').map((member) => member.trim()) });
  }
  return groups;
}

/** One by one: a hostile file is all line feeds. */
function* rows(text: string): Generator<string[]> {
  for (const [line] of text.matchAll(/^.*:.*$/gm)) yield line.trim().split(':');
}

function parseID(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return id <= MAX_ID ? id : undefined;
}
