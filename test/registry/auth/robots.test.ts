import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/failure.js';
import { type AddRobotOptions, addRobot, listRobots, removeRobot } from '../../../src/cli/robot.js';
import { Robots } from '../../../src/registry/auth/index.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const UNAUTHORIZED = expect.objectContaining({ code: 'UNAUTHORIZED' });
const DAYS = 24 * 3_600_000;
const log = { info() {}, warn() {} };

let folder: TemporaryFolder;
let file: string;
let clock: number;

beforeEach(async () => {
  folder = await temporaryFolder('robots');
  file = join(folder.path, 'robots.json');
  clock = Date.now();
});
afterEach(() => folder[Symbol.asyncDispose]());

/** @returns what a command prints. */
async function printed<Options>(
  command: (options: Options & { file: string; terminal: AddRobotOptions['terminal'] }) => Promise<void>,
  options: Options,
): Promise<string> {
  const output = new PassThrough();
  const notes = new PassThrough().resume();
  await command({ ...options, file, terminal: { input: new PassThrough(), output, notes } });
  return text(output.end());
}

async function add(name: string, options: Partial<AddRobotOptions> = {}): Promise<Buffer> {
  const given = { name, repositories: ['team/*'], actions: ['pull', 'push'], ...options };
  return Buffer.from((await printed(addRobot, given)).trim());
}

const open = () => Robots.open({ path: file, log, now: () => clock });

describe('a robot', () => {
  it('logs in with its secret, and may do what it was made for', async () => {
    const password = await add('ci');
    const { user, grants } = await (await open()).authenticate({ user: 'robot+ci', password });
    expect(user).toBe('robot+ci');
    expect([grants?.allow('push', 'team/app'), grants?.allow('pull', 'team/app')]).toEqual([true, true]);
    expect([grants?.allow('delete', 'team/app'), grants?.allow('pull', 'team/a/b')]).toEqual([false, false]);
  });

  it('is refused with anything else', async () => {
    const password = await add('ci');
    const other = await add('other');
    const robots = await open();
    for (const [user, secret] of [
      ['robot+ci', other],
      ['robot+ci', Buffer.from('')],
      ['robot+none', Buffer.from('')],
      ['robot+none', password],
      ['ci', password],
      ['robot+constructor', password],
    ] as const)
      await expect(robots.authenticate({ user, password: secret })).rejects.toThrow(UNAUTHORIZED);
  });

  it('expires', async () => {
    const password = await add('ci', { expiresInMs: 90 * DAYS });
    const robots = await open();
    const login = await robots.recall('robot+ci');
    expect(login?.until).toBeGreaterThan(clock + 89 * DAYS);
    clock += 91 * DAYS;
    await expect(robots.authenticate({ user: 'robot+ci', password })).rejects.toThrow(/has expired/);
    expect(await robots.recall('robot+ci')).toBeUndefined();
  });

  it('can be added and removed while the registry runs', async () => {
    const robots = await open();
    const password = await add('ci');
    clock += 1000;
    expect(await robots.authenticate({ user: 'robot+ci', password })).toMatchObject({ user: 'robot+ci' });
    await printed(removeRobot, { name: 'robot+ci' });
    clock += 1000;
    await expect(robots.authenticate({ user: 'robot+ci', password })).rejects.toThrow(UNAUTHORIZED);
  });

  it('stays what it was while the file is broken, which stops a start', async () => {
    const password = await add('ci');
    const robots = await open();
    await writeFile(`${file}.new`, '{"robots":[{"name":"ci"}]}');
    await rename(`${file}.new`, file);
    clock += 1000;
    expect(await robots.authenticate({ user: 'robot+ci', password })).toMatchObject({ user: 'robot+ci' });
    await expect(open()).rejects.toThrow(
      `berth.robots.path: cannot read robots from ${file}: robot ci has no`,
    );
  });

  it('never outlives an expiry that cannot be read', async () => {
    const robot = { name: 'ci', hash: `sha256:${'0'.repeat(64)}`, repositories: ['a'], actions: ['pull'] };
    await writeFile(file, JSON.stringify({ robots: [{ ...robot, expires: 'soon' }] }));
    await expect(open()).rejects.toThrow('robot ci has no right expires');
  });
});

describe('berth robot', () => {
  it('keeps nothing that could be used to log in, in a file for its owner only', async () => {
    const secret = (await add('ci')).toString();
    expect(secret).toMatch(/^berth_[\w-]{43}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const kept = await readFile(file, 'utf8');
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(Buffer.from(secret).toString('base64'));
  });

  it('lists who there is, and what they may do', async () => {
    expect(await printed(listRobots, {})).toMatch(/^USER +REPOSITORIES +ACTIONS +CREATED +EXPIRES\n$/);
    await add('mirror', { repositories: ['**'], actions: ['pull'] });
    await add('ci', { expiresInMs: DAYS });
    expect(await printed(listRobots, {})).toMatch(
      /\nrobot\+ci +team\/\* +pull,push +\S+Z +\S+Z\nrobot\+mirror +\*\* +pull +\S+Z +-\n$/,
    );
  });

  it.each([
    { name: 'a b', options: {}, says: 'cannot be the name of a robot' },
    { name: 'a:b', options: {}, says: 'cannot be the name of a robot' },
    { name: 'ci', options: { actions: ['read'] }, says: '--actions: "read" is not pull, push or delete' },
    { name: 'ci', options: { repositories: ['Team/*'] }, says: '--repo: "Team/*" matches no repository' },
    { name: 'ci', options: { expiresInMs: -1 }, says: '--expires' },
  ])('refuses $name with $options', async ({ name, options, says }) => {
    const failure = await add(name, options).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect(String(failure)).toContain(says);
  });

  it('does not take the place of a robot that is there, nor remove one that is not', async () => {
    await add('ci');
    await expect(add('ci')).rejects.toThrow('has a robot ci already');
    await expect(printed(removeRobot, { name: 'none' })).rejects.toThrow('has no robot "none"');
  });
});
