import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportFailure } from '../../src/cli/failure.js';
import { addUser, changePassword, listUsers, type PasswordOptions, removeUser } from '../../src/cli/user.js';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'user-'));
  file = join(folder, 'htpasswd');
});

afterEach(() => rm(folder, { recursive: true }));

type Run = Readonly<{ code: number; output: string; notes: string }>;
type Input = { stdin?: string; keys?: string[] };

/** Runs an action with something on its standard input, or with somebody at the keyboard. */
async function run<Options>(
  action: (options: Options & { terminal: PasswordOptions['terminal'] }) => Promise<void>,
  options: Options,
  { stdin, keys }: Input = {},
): Promise<Run> {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: keys !== undefined,
    setRawMode: (on: boolean) => modes.push(on),
  });
  if (keys === undefined) input.end(stdin ?? '');
  else for (const key of keys) input.write(key);
  const output = new PassThrough();
  const notes = new PassThrough();
  const code = await action({ ...options, terminal: { input, output, notes } }).then(
    () => 0,
    (error: unknown) => reportFailure(error, { debug: false, notes }),
  );
  output.end();
  notes.end();
  if (keys !== undefined) expect(modes).toEqual([true, false]);
  return { code, output: await text(output), notes: await text(notes) };
}

function add(name: string, password: string, options: Partial<PasswordOptions> = {}): Promise<Run> {
  return run(addUser, { file, name, passwordStdin: true, cost: 4, ...options }, { stdin: password });
}

/** What htpasswd itself thinks of a password. */
function isRight(name: string, password: string): boolean {
  try {
    execFileSync('htpasswd', ['-vb', file, name, password], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

describe('user add', () => {
  it('makes a file that only its owner can read', async () => {
    expect(await add('alice', 'secret\n')).toMatchObject({ code: 0, output: '' });
    expect(await readFile(file, 'utf8')).toMatch(/^alice:\$2y\$04\$.{53}\n$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(isRight('alice', 'secret')).toBe(true);
    expect(await readdir(folder)).toEqual(['htpasswd']);
  });

  const byRoot = it.skipIf(process.getuid?.() !== 0);

  byRoot("makes a file that is the server's, when root makes it", async () => {
    await chown(folder, 4711, 4712);
    expect((await add('alice', 'secret')).notes).toContain(
      `added to ${file}, which belongs to 4711:4712 as ${folder} does\n`,
    );
    expect(await stat(file)).toMatchObject({ uid: 4711, gid: 4712, mode: 0o100600 });
    await chown(file, 0, 0);
    expect((await add('bob', 'secret')).notes).toContain(`added to ${file}\n`);
    expect(await stat(file)).toMatchObject({ uid: 0, gid: 0 });
  });

  byRoot("makes a file for the folder's group, or as the data are", async () => {
    await chown(folder, 0, 4712);
    await add('alice', 'secret');
    expect(await stat(file)).toMatchObject({ uid: 0, gid: 4712, mode: 0o100640 });
    await rm(file);
    await chown(folder, 0, 0);
    const dataRoot = join(folder, 'data');
    await mkdir(dataRoot);
    await chown(dataRoot, 4711, 4712);
    await add('alice', 'secret', { dataRoot });
    expect(await stat(file)).toMatchObject({ uid: 4711, gid: 4712, mode: 0o100600 });
  });

  it('keeps everything else, byte for byte, and mode and link', async () => {
    const before = Buffer.from(
      '# caf\xe9\r\n\r\n  bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=  \r\ncarol:plain',
      'latin1',
    );
    await writeFile(file, before);
    await chmod(file, 0o640);
    const link = join(folder, 'link');
    await symlink(file, link);
    expect(await add('alice', 'secret', { file: link })).toMatchObject({ code: 0 });
    const after = await readFile(file);
    expect(after.subarray(0, before.length)).toEqual(before);
    expect(after.subarray(before.length).toString()).toMatch(/^\r\nalice:\$2y\$.*\r\n$/);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
  });

  it('leaves a user who is there alone', async () => {
    await add('alice', 'secret');
    const before = await readFile(file);
    expect(await add('alice', 'other')).toMatchObject({
      code: 1,
      notes: expect.stringContaining('berth user passwd'),
    });
    expect(await readFile(file)).toEqual(before);
  });

  it('makes up a password', async () => {
    const { code, output } = await run(addUser, { file, name: 'alice', generate: true, cost: 4 });
    expect(code).toBe(0);
    expect(output).toMatch(/^[\w-]{24}\n$/);
    expect(isRight('alice', output.trim())).toBe(true);
  });

  it.each([
    { keys: ['secret\r', 'secret\r'], password: 'secret' },
    { keys: ['secret\nsecret\n'], password: 'secret' },
    { keys: ['x\u0015sex\u007fcret\r', ...'secret\r'], password: 'secret' },
    { keys: ['pä\u007fä\r', 'pä\r'], password: 'pä' },
  ])('asks twice and shows nothing: $keys', async ({ keys, password }) => {
    const { code, notes } = await run(addUser, { file, name: 'alice', cost: 4 }, { keys });
    expect(code).toBe(0);
    expect(notes).toBe(`Password for alice: \nOnce more: \nuser alice added to ${file}\n`);
    expect(isRight('alice', password)).toBe(true);
  });

  it.each([
    { keys: ['secret\r', 'other\r'], message: 'the two passwords are different', code: 1 },
    { keys: ['secret\u0003'], message: 'interrupted', code: 130 },
    { keys: ['\u0004'], message: 'interrupted', code: 1 },
  ])('changes nothing after $keys', async ({ keys, message, code }) => {
    const ended = await run(addUser, { file, name: 'alice' }, { keys });
    expect(ended).toMatchObject({ code, notes: expect.stringContaining(message) });
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  it.each<{ options: Partial<PasswordOptions>; stdin: string; message: string }>([
    { options: { name: 'a:b' }, stdin: 'secret', message: 'no colons' },
    { options: { name: 'a b' }, stdin: 'secret', message: 'spaces' },
    { options: { name: '' }, stdin: 'secret', message: 'empty' },
    { options: { name: '#a' }, stdin: 'secret', message: 'comment' },
    { options: { name: '@a' }, stdin: 'secret', message: 'group' },
    { options: { name: 'anonymous' }, stdin: 'secret', message: 'access rules' },
    { options: { name: 'a'.repeat(256) }, stdin: 'secret', message: '255 bytes' },
    { options: {}, stdin: '', message: 'the password is empty' },
    { options: {}, stdin: 'ä'.repeat(37), message: 'longer than 72 bytes' },
    { options: {}, stdin: 'a\nb\n', message: 'several lines' },
    { options: { cost: 3 }, stdin: 'secret', message: '--cost' },
    { options: { cost: 4.5 }, stdin: 'secret', message: '--cost' },
    { options: { generate: true }, stdin: 'secret', message: 'not both' },
    { options: { passwordStdin: false }, stdin: 'secret', message: 'no terminal' },
  ])('refuses usage: $message', async ({ options, stdin, message }) => {
    expect(await add('alice', stdin, options)).toMatchObject({
      code: 2,
      notes: expect.stringContaining(message),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('does not touch a file that the registry could not read', async () => {
    await writeFile(file, 'garbage\n');
    expect(await add('alice', 'secret')).toMatchObject({ code: 1, notes: expect.stringContaining('line 1') });
  });

  it('shows no password that was not stored', async () => {
    const options = { file: join(folder, 'missing', 'htpasswd'), name: 'alice', generate: true };
    expect(await run(addUser, options)).toMatchObject({
      code: 1,
      output: '',
      notes: expect.stringContaining(`there is no folder ${join(folder, 'missing')}`),
    });
  });

  it('loses nothing when several are added at once', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `user${i}`);
    const codes = await Promise.all(names.map(async (name) => (await add(name, 'secret')).code));
    expect(codes).toEqual(names.map(() => 0));
    const { output } = await run(listUsers, { file });
    expect(output.trim().split('\n')).toEqual(names);
  });

  it('takes over the lock of a program that is gone', async () => {
    const gone = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
    await writeFile(`${file}.lock`, `${gone} ${hostname()}\n`);
    expect(await add('alice', 'secret')).toMatchObject({ code: 0 });
  });

  it('waits for as many as come and go before it', async () => {
    const lock = `${file}.lock`;
    await writeFile(lock, '1 elsewhere\n');
    const adding = add('alice', 'secret');
    for (let i = 0; i < 3; i += 1) {
      await setTimeout(1500);
      await writeFile(`${lock}.next`, '1 elsewhere\n');
      await rename(`${lock}.next`, lock);
    }
    await rm(lock);
    expect(await adding).toMatchObject({ code: 0 });
  });

  it('gives up when the lock stays', async () => {
    await writeFile(`${file}.lock`, '1 elsewhere\n');
    expect(await add('alice', 'secret')).toMatchObject({ code: 1, notes: expect.stringContaining('.lock') });
  });
});

describe('user passwd', () => {
  it('changes the password in its place', async () => {
    await writeFile(file, '# team\nalice:old\nbob:rest\n alice:older\n');
    const options = { file, name: 'alice', cost: 4, passwordStdin: true };
    expect(await run(changePassword, options, { stdin: 'new' })).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toMatch(/^# team\nalice:\$2y\$.*\nbob:rest\n$/);
    expect(isRight('alice', 'new')).toBe(true);
  });

  it('needs the user and the file', async () => {
    const options = { file, name: 'alice', passwordStdin: true };
    expect(await run(changePassword, options)).toMatchObject({
      code: 1,
      notes: expect.stringContaining('no file'),
    });
    await writeFile(file, 'alice2:x\n');
    expect(await run(changePassword, options)).toMatchObject({
      code: 1,
      notes: expect.stringContaining('no user'),
    });
  });
});

describe('user rm', () => {
  it('takes out the user only', async () => {
    await writeFile(file, 'alice2:a\nalice:b\n# alice:c\nbob:d');
    expect(await run(removeUser, { file, name: 'alice' })).toMatchObject({ code: 0 });
    expect(await readFile(file, 'utf8')).toBe('alice2:a\n# alice:c\nbob:d');
    expect(await run(removeUser, { file, name: 'alice' })).toMatchObject({ code: 1 });
  });
});

describe('user list', () => {
  it('prints each name once, sorted', async () => {
    await writeFile(file, 'bob:a\n#carol:x\nalice:b\nbob:c\n');
    expect(await run(listUsers, { file })).toEqual({ code: 0, output: 'alice\nbob\n', notes: '' });
  });
});
