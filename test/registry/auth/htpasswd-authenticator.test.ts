import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  HtpasswdAuthenticator,
  type HtpasswdOptions,
  hashPassword,
} from '../../../src/registry/auth/index.js';
import { cpuTimeUntil } from '../../support/cpu-time.js';

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const caller = (user: string) => ({ identity: { user }, proven: true });
const NOBODY = { identity: 'anonymous', proven: false };
const UNAUTHORIZED = expect.objectContaining({ code: 'UNAUTHORIZED' });

let folder: string;
let path: string;
let clock: number;
let logged: { fields: object; message: string }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'auth-'));
  path = join(folder, 'htpasswd');
  clock = 0;
  logged = [];
});

afterEach(() => rm(folder, { recursive: true }));

const log = {
  info: (fields: object, message: string) => void logged.push({ fields, message }),
  warn: (fields: object, message: string) => void logged.push({ fields, message }),
};

function open(options: Partial<HtpasswdOptions> = {}): Promise<HtpasswdAuthenticator> {
  return HtpasswdAuthenticator.open({
    path,
    realm: 'Team',
    log,
    verifiedTtlMs: 60_000,
    now: () => clock,
    ...options,
  });
}

async function store(users: Record<string, string>): Promise<void> {
  const lines = Object.entries(users).map(
    async ([user, password]) => `${user}:${await hashPassword(password, 4)}\n`,
  );
  await writeFile(`${path}.new`, (await Promise.all(lines)).join(''));
  await rename(`${path}.new`, path);
}

describe('HtpasswdAuthenticator', () => {
  it('knows users by their passwords', async () => {
    await store({ alice: 'secret', bob: 'other' });
    const authenticator = await open();
    expect(authenticator.challenge()).toBe('Basic realm="Team"');
    expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual(caller('alice'));
    expect(await authenticator.authenticate(basic('bob', 'other'))).toEqual(caller('bob'));
    expect(await authenticator.authenticate(undefined)).toEqual(NOBODY);
    expect(await authenticator.authenticate('Basic Og==')).toEqual(NOBODY);
  });

  it.each([
    { user: 'alice', password: 'wrong' },
    { user: 'alice', password: '' },
    { user: 'nobody', password: 'secret' },
    { user: '', password: 'secret' },
    { user: 'constructor', password: 'secret' },
  ])('refuses $user with $password', async ({ user, password }) => {
    await store({ alice: 'secret' });
    const authenticator = await open();
    await expect(authenticator.authenticate(basic(user, password))).rejects.toThrow(UNAUTHORIZED);
  });

  it('spends as long on an unknown user as on a wrong password', async () => {
    await store({ alice: 'secret' });
    await writeFile(path, `alice:${await hashPassword('secret', 9)}\n`);
    const authenticator = await open();
    const took = (user: string) =>
      cpuTimeUntil(async () => {
        for (let i = 0; i < 5; i++)
          await authenticator.authenticate(basic(user, `wrong${i}`)).catch(() => {});
      });
    const known = await took('alice');
    expect(await took('mallory')).toBeGreaterThan(known / 4);
  });

  it('refuses everybody while there are no users', async () => {
    await writeFile(path, '# nobody yet\n');
    const authenticator = await open();
    await expect(authenticator.authenticate(basic('alice', ''))).rejects.toThrow(UNAUTHORIZED);
  });

  it('does not start without a file that can be read', async () => {
    await expect(open()).rejects.toThrow(path);
    await writeFile(path, 'alice');
    await expect(open()).rejects.toThrow(`${path}: line 1`);
  });

  it('reports users that cannot log in, by file and line', async () => {
    await writeFile(path, `alice:${await hashPassword('secret', 4)}\nbob:plain\n`);
    const authenticator = await open();
    expect(logged).toMatchObject([{ fields: { path, line: 2, user: 'bob' }, message: 'user cannot log in' }]);
    expect(JSON.stringify(logged)).not.toContain('plain"');
    await expect(authenticator.authenticate(basic('bob', 'plain'))).rejects.toThrow(UNAUTHORIZED);
    expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual(caller('alice'));
  });

  it('makes a missing file with a user and tells its password', async () => {
    const made: string[][] = [];
    path = join(folder, 'deeper', 'htpasswd');
    const authenticator = await open({ onCreated: (user, password) => made.push([user, password]) });
    const [user = '', password = ''] = made[0] ?? [];
    expect(user).toBe('docker');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).not.toContain(password);
    expect(await authenticator.authenticate(basic(user, password))).toEqual(caller('docker'));
    await open({ onCreated: () => expect.unreachable('the file is there now') });
  });
});

describe('a changed file', () => {
  it('counts within a second', async () => {
    await store({ alice: 'secret' });
    const authenticator = await open();
    await authenticator.authenticate(basic('alice', 'secret'));
    await store({ alice: 'changed', bob: 'new' });
    clock += 999;
    expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual(caller('alice'));
    clock += 1;
    await expect(authenticator.authenticate(basic('alice', 'secret'))).rejects.toThrow(UNAUTHORIZED);
    expect(await authenticator.authenticate(basic('alice', 'changed'))).toEqual(caller('alice'));
    expect(await authenticator.authenticate(basic('bob', 'new'))).toEqual(caller('bob'));
    expect(logged).toMatchObject([{ fields: { path, users: 2 }, message: 'users reloaded' }]);
  });

  it('may be written in place by htpasswd', async () => {
    await store({ alice: 'secret' });
    const authenticator = await open();
    execFileSync('htpasswd', ['-bB', '-C', '4', path, 'bob', 'new'], { stdio: 'pipe' });
    clock += 1000;
    expect(await authenticator.authenticate(basic('bob', 'new'))).toEqual(caller('bob'));
  });

  it('is not used while it is malformed or missing, which is logged once', async () => {
    await store({ alice: 'secret' });
    const authenticator = await open();
    await writeFile(path, 'garbage');
    for (let i = 0; i < 3; i++) {
      clock += 1000;
      expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual(caller('alice'));
    }
    expect(logged).toMatchObject([{ message: 'users not reloaded, the old ones stay' }]);
    await rm(path);
    for (let i = 0; i < 3; i++) {
      clock += 1000;
      expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual(caller('alice'));
    }
    expect(logged).toHaveLength(2);
    await store({ bob: 'new' });
    clock += 1000;
    expect(await authenticator.authenticate(basic('bob', 'new'))).toEqual(caller('bob'));
  });
});

describe('the fingerprint of a user', () => {
  it('is another one for another password, and none for nobody', async () => {
    await store({ alice: 'secret', bob: 'secret' });
    const authenticator = await open();
    const fingerprint = async (user: string) => (await authenticator.recall({ user }))?.fingerprint;
    const first = await fingerprint('alice');
    expect(first).toBeTypeOf('string');
    expect(await fingerprint('alice')).toBe(first);
    expect(await fingerprint('bob')).not.toBe(first);
    expect(await fingerprint('carol')).toBeUndefined();
    await store({ alice: 'secret' });
    clock += 1000;
    expect(await fingerprint('alice')).not.toBe(first);
    expect(await fingerprint('bob')).toBeUndefined();
  });
});

describe('checked passwords', () => {
  /** Slow enough to be told from one that was remembered, on any machine. */
  const COST = 10;

  it('are remembered for their time, and wrong ones are not', async () => {
    await writeFile(path, `alice:${await hashPassword('secret', COST)}\n`);
    const authenticator = await open();
    const right = () => authenticator.authenticate(basic('alice', 'secret'));
    const first = await cpuTimeUntil(right);
    expect(await cpuTimeUntil(right)).toBeLessThan(first / 3);
    await expect(authenticator.authenticate(basic('alice', 'wrong'))).rejects.toThrow(UNAUTHORIZED);
    await expect(authenticator.authenticate(basic('alice', 'wrong'))).rejects.toThrow(UNAUTHORIZED);
    clock += 60_000;
    expect(await cpuTimeUntil(right)).toBeGreaterThan(first / 3);
  });

  it('are checked once for requests that come together', async () => {
    await writeFile(path, `alice:${await hashPassword('secret', COST)}\n`);
    const authenticator = await open({ checksAtOnce: 1, maxWaitingChecks: 0 });
    const requests = Array.from({ length: 20 }, () => authenticator.authenticate(basic('alice', 'secret')));
    expect(await Promise.all(requests)).toEqual(requests.map(() => caller('alice')));
  });

  it('turn callers away when too many wait', async () => {
    await writeFile(path, `alice:${await hashPassword('secret', COST)}\n`);
    const authenticator = await open({ checksAtOnce: 1, maxWaitingChecks: 2 });
    const guesses = Array.from({ length: 5 }, (_, i) =>
      authenticator.authenticate(basic('alice', `guess ${i}`)),
    );
    const codes = (await Promise.allSettled(guesses)).map(
      (guess) => guess.status === 'rejected' && guess.reason.code,
    );
    expect(codes).toEqual([
      'UNAUTHORIZED',
      'UNAUTHORIZED',
      'UNAUTHORIZED',
      'TOOMANYREQUESTS',
      'TOOMANYREQUESTS',
    ]);
    await setTimeout(0);
    expect(await authenticator.authenticate(basic('alice', 'secret'))).toEqual(caller('alice'));
  });

  it('take turns, so that who guesses at one keeps nobody else out', async () => {
    const hashes = [await hashPassword('secret', COST), await hashPassword('other', COST)];
    await writeFile(path, `alice:${hashes[0]}\nbob:${hashes[1]}\n`);
    const authenticator = await open({ checksAtOnce: 1, maxWaitingChecks: 4 });
    const ended: string[] = [];
    const log = async (what: string, header: string) =>
      ended.push(
        `${what} ${await authenticator.authenticate(header).then(
          () => 'in',
          ({ code }) => code,
        )}`,
      );
    const guesses = Array.from({ length: 6 }, (_, i) => log(`guess ${i}`, basic('alice', `guess ${i}`)));
    await Promise.all([log('bob', basic('bob', 'other')), log('nobody', basic('nobody', '')), ...guesses]);
    expect(ended).toEqual([
      'guess 5 TOOMANYREQUESTS',
      'guess 4 TOOMANYREQUESTS',
      'guess 3 TOOMANYREQUESTS',
      'guess 0 UNAUTHORIZED',
      'guess 1 UNAUTHORIZED',
      'bob in',
      'nobody UNAUTHORIZED',
      'guess 2 UNAUTHORIZED',
    ]);
  });
});
