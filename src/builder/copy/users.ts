import type { RootfsView } from '../../layer/index.js';
import { BuildError } from '../errors.js';

export type Owner = Readonly<{ uid: number; gid: number }>;

/**
 * What `--chown` or USER means in a root filesystem: `user[:group]`, names or numbers. A user by name brings its own
 * group, a number alone is both.
 * @throws {BuildError} a name that is not in /etc/passwd or /etc/group there.
 */
export function parseOwner(text: string, view: () => Promise<RootfsView>): Promise<Owner> | Owner {
  const { user, group } = splitOwner(text);
  const uid = idOf(user);
  const gid = group === undefined ? undefined : idOf(group);
  if (uid !== undefined && (group === undefined || gid !== undefined)) return { uid, gid: gid ?? uid };
  return lookUp({ user, group }, view);
}

/** Whether it takes a look into the root filesystem to know. */
export function hasNames(text: string): boolean {
  const { user, group } = splitOwner(text);
  return idOf(user) === undefined || (group !== undefined && idOf(group) === undefined);
}

type Names = Readonly<{ user: string; group: string | undefined }>;

function splitOwner(text: string): Names {
  const colon = text.indexOf(':');
  if (colon < 0) return { user: text, group: undefined };
  return { user: text.slice(0, colon) || '0', group: text.slice(colon + 1) || undefined };
}

function idOf(text: string): number | undefined {
  if (text === 'root') return 0;
  return /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 ? Number(text) : undefined;
}

async function lookUp({ user, group }: Names, view: () => Promise<RootfsView>): Promise<Owner> {
  const root = await view();
  const numeric = idOf(user);
  const found = numeric === undefined ? fieldsOf(root, 'etc/passwd', user) : undefined;
  const uid = numeric ?? Number(found?.[2]);
  if (Number.isNaN(uid)) throw unknownName('user', user, '/etc/passwd');
  if (group === undefined) return { uid, gid: found === undefined ? uid : Number(found[3] ?? uid) };
  const gid = idOf(group) ?? Number(fieldsOf(root, 'etc/group', group)?.[2]);
  if (Number.isNaN(gid)) throw unknownName('group', group, '/etc/group');
  return { uid, gid };
}

function fieldsOf(root: RootfsView, file: string, name: string): string[] | undefined {
  const text = root.readFile(file)?.toString('utf8') ?? '';
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
}

function unknownName(what: string, name: string, file: string): BuildError {
  return new BuildError(
    `there is no ${what} ${JSON.stringify(name)} in ${file} of the image; add it before this step or use its number`,
  );
}
