import { readFile } from 'node:fs/promises';
import { hashPassword, htpasswdEntries, MAX_BCRYPT_BYTES } from '../registry/auth/index.js';
import { reasonOf } from '../registry/system-error.js';
import { UsageError } from './failure.js';
import { editFile } from './file-edit.js';
import { askPassword, generatePassword, readPassword, type Terminal } from './password.js';
import { editServerFile, type ServerFile } from './server-file.js';

/** `file` is the htpasswd file that the registry reads. */
export type UserOptions = ServerFile & Readonly<{ terminal: Terminal }>;
export type NamedUserOptions = UserOptions & Readonly<{ name: string }>;
/** Without `passwordStdin` and `generate` the password is asked for. `cost` is that of bcrypt, 10 if missing. */
export type PasswordOptions = NamedUserOptions &
  Readonly<{
    cost?: number | undefined;
    passwordStdin?: boolean | undefined;
    generate?: boolean | undefined;
  }>;

const DEFAULT_COST = 10;

/** `berth user add`: fails for a user who is there already. */
export async function addUser(options: PasswordOptions): Promise<void> {
  const { file, name, terminal } = options;
  checkName(name);
  const absent = (content: Buffer) => {
    if (linesOf(content, name).length > 0) {
      throw new Error(
        `${file} has a user ${name} already; change the password with: berth user passwd ${name} --file ${file}`,
      );
    }
  };
  absent(await readUsers(file, { missing: 'empty' })); // before asking for a password in vain
  const { hash, shown } = await newPassword(options);
  const ownership = await editServerFile(options, (content) => {
    absent(content);
    return appendLine(content, `${name}:${hash}`);
  });
  terminal.output.write(shown);
  terminal.notes.write(`user ${name} added to ${file}${ownership}\n`);
}

/** `berth user passwd` */
export async function changePassword(options: PasswordOptions): Promise<void> {
  const { file, name, terminal } = options;
  requireUser(await readUsers(file), options);
  const { hash, shown } = await newPassword(options);
  await editFile(file, (content) => {
    requireUser(content, options);
    return replaceLines(content, name, `${name}:${hash}`);
  });
  terminal.output.write(shown);
  terminal.notes.write(`password of ${name} changed in ${file}\n`);
}

/** `berth user rm` */
export async function removeUser(options: NamedUserOptions): Promise<void> {
  const { file, name, terminal } = options;
  requireUser(await readUsers(file), options);
  await editFile(file, (content) => {
    requireUser(content, options);
    return replaceLines(content, name, undefined);
  });
  terminal.notes.write(`user ${name} removed from ${file}\n`);
}

/** `berth user list`: a name on each line. */
export async function listUsers({ file, terminal }: UserOptions): Promise<void> {
  const names = htpasswdEntries((await readUsers(file)).toString('utf8')).map(({ user }) => user);
  for (const name of new Set(names.toSorted())) terminal.output.write(`${name}\n`);
}

/** Names that htpasswd files can hold and that access rules can tell from everything else. */
function checkName(name: string): void {
  const why = [
    { when: name === '', why: 'it is empty' },
    { when: /[:\s\p{Cc}]/u.test(name), why: 'no colons, spaces and control characters' },
    { when: /^[#@]/.test(name), why: '# starts a comment and @ a group' },
    { when: name === '*' || name === 'anonymous', why: 'it has a meaning of its own in access rules' },
    { when: Buffer.byteLength(name) > 255, why: 'it is longer than 255 bytes' },
  ].find(({ when }) => when)?.why;
  if (why !== undefined) throw new UsageError(`${JSON.stringify(name)} cannot be a user name: ${why}`);
}

/** @returns the hash, and what is to be printed once it is stored: a password that was made up. */
async function newPassword(options: PasswordOptions): Promise<{ hash: string; shown: string }> {
  const { cost = DEFAULT_COST, generate, passwordStdin } = options;
  if (!Number.isInteger(cost) || cost < 4 || cost > 16) {
    throw new UsageError(`--cost must be from 4 to 16, not ${cost}; each step doubles the time of a login`);
  }
  if (generate && passwordStdin) throw new UsageError('use --generate or --password-stdin, not both');
  const password = generate ? generatePassword() : await givenPassword(options);
  return { hash: await hashPassword(password, cost), shown: generate ? `${password}\n` : '' };
}

async function givenPassword({ passwordStdin, terminal, name }: PasswordOptions): Promise<string> {
  const password = passwordStdin ? await readPassword(terminal) : await askPassword(terminal, name);
  if (password === '') throw new UsageError('the password is empty');
  if (Buffer.byteLength(password) <= MAX_BCRYPT_BYTES) return password;
  throw new UsageError(`the password is longer than ${MAX_BCRYPT_BYTES} bytes, and bcrypt ignores the rest`);
}

/** @throws {Error} a file that the registry could not read either. */
async function readUsers(file: string, options: { missing?: 'empty' } = {}): Promise<Buffer> {
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
    if (options.missing === 'empty') return Buffer.alloc(0);
    throw new Error(`there is no file ${file}; make it with: berth user add --file ${file} NAME`);
  });
  try {
    htpasswdEntries(content.toString('utf8'));
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}; mend it first`);
  }
  return content;
}

function requireUser(content: Buffer, { file, name }: NamedUserOptions): void {
  if (linesOf(content, name).length === 0) throw new Error(`${file} has no user ${JSON.stringify(name)}`);
}

/** Latin-1 maps each byte to one character and back, so that lines of any charset stay as they are. */
function splitLines(content: Buffer): string[] {
  return content.toString('latin1').split(/(?<=\n)/);
}

function joinLines(lines: readonly string[]): Buffer {
  return Buffer.from(lines.join(''), 'latin1');
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Indexes of the lines about `name`: usually one, but nothing keeps a file from having more. */
function linesOf(content: Buffer, name: string): number[] {
  const start = bytesOf(`${name}:`);
  return [...splitLines(content).entries()].flatMap(([i, line]) =>
    line.trimStart().startsWith(start) ? [i] : [],
  );
}

function appendLine(content: Buffer, line: string): Buffer {
  const lines = splitLines(content);
  const last = lines.at(-1) ?? '';
  const end = lines.some((other) => other.endsWith('\r\n')) ? '\r\n' : '\n';
  return joinLines([...lines, last === '' || last.endsWith('\n') ? '' : end, bytesOf(line), end]);
}

/** Puts `line` in the place of the first line about `name`, and leaves out the others; all of them for `undefined`. */
function replaceLines(content: Buffer, name: string, line: string | undefined): Buffer {
  const [first, ...others] = linesOf(content, name);
  const lines = splitLines(content).map((old, i) => {
    if (others.includes(i)) return '';
    if (i !== first) return old;
    return line === undefined ? '' : bytesOf(line) + (/\r?\n$/.exec(old)?.[0] ?? '');
  });
  return joinLines(lines);
}
