import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../../src/oci/index.js';
import { Grants } from '../../../src/registry/auth/grants.js';
import {
  type AccessOptions,
  AccessRules,
  type Action,
  type Identity,
  parseScopes,
} from '../../../src/registry/auth/index.js';

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete'];
const alice: Identity = { user: 'alice' };
const bob: Identity = { user: 'bob' };
const root: Identity = { user: 'root' };

function rules(options: AccessOptions, canLogIn = true): AccessRules {
  return new AccessRules(options, { canLogIn });
}

/** @returns what `identity` may do there, such as `pull push`. */
function rights(access: AccessRules, identity: Identity, repository: string): string {
  return ACTIONS.filter((action) => access.allows(identity, action, parseRepositoryName(repository))).join(
    ' ',
  );
}

describe('who brings grants along', () => {
  const grants = new Grants([{ repositories: ['team/*'], actions: ['push'] }], 'here');
  const robot: Identity = { user: 'alice', grants };

  it('may do what those say and what everybody may, whatever the rules say of the name', () => {
    const access = rules({
      admins: ['alice'],
      access: [
        { repositories: ['public'], pull: ['anonymous'], push: ['*'] },
        { repositories: ['private', 'team/app'], pull: ['*', 'alice'], delete: ['alice'] },
      ],
    });
    expect(access.isAdmin(robot)).toBe(false);
    expect(rights(access, robot, 'team/app')).toBe('pull push');
    expect(rights(access, robot, 'public')).toBe('pull');
    for (const name of ['private', 'elsewhere', 'team/app/deep'])
      expect(rights(access, robot, name)).toBe('');
    const names = ['private', 'public', 'team/app'].map((name) => parseRepositoryName(name));
    expect(names.filter(access.visible(robot))).toEqual(['public', 'team/app']);
    expect(access.seesAll(robot)).toBe(false);
  });

  it('may do no more without rules', () => {
    const access = rules({});
    expect(rights(access, robot, 'team/app')).toBe('pull push');
    expect(rights(access, robot, 'elsewhere')).toBe('');
    const names = ['elsewhere', 'team/app'].map((name) => parseRepositoryName(name));
    expect(names.filter(access.visible(robot))).toEqual(['team/app']);
  });
});

describe('what is granted of what is asked for', () => {
  const access = rules({ access: [{ repositories: ['team/*'], pull: ['bob'], push: ['alice'] }] });
  const asked = parseScopes([
    'repository:team/app:delete,push,pull repository:team/all:*',
    'repository:Odd!:pull',
  ]);

  it.each([
    { who: alice, team: ['pull', 'push'] },
    { who: bob, team: ['pull'] },
    { who: root, team: [] },
    { who: 'anonymous' as const, team: [] },
  ])('is what the rules allow, also if that is nothing: $who', ({ who, team }) =>
    expect(access.granted(who, asked)).toEqual([
      { repository: 'team/app', actions: team },
      { repository: 'team/all', actions: team },
      { repository: 'Odd!', actions: [] },
    ]),
  );
});

describe('without rules', () => {
  it('lets every user do everything, and nobody else', () => {
    const access = rules({});
    expect(rights(access, alice, 'team/app')).toBe('pull push delete');
    expect(rights(access, 'anonymous', 'team/app')).toBe('');
    expect(access.anonymousCanPullSomething).toBe(false);
    expect(access.isAdmin(alice)).toBe(false);
  });

  it('lets everybody do everything where nobody can log in', () => {
    const access = rules({ access: [] }, false);
    expect(rights(access, 'anonymous', 'team/app')).toBe('pull push delete');
    expect(access.anonymousCanPullSomething).toBe(true);
    expect(access.isAdmin('anonymous')).toBe(false);
  });
});

describe('subjects', () => {
  const access = rules({
    admins: ['root'],
    groups: { developers: ['alice', 'carol'] },
    access: [
      { repositories: ['public'], pull: ['anonymous'], push: ['@developers'], delete: ['carol'] },
      { repositories: ['users'], pull: ['*'], push: ['bob'] },
      { repositories: ['closed'] },
    ],
  });
  it.each([
    { who: 'anonymous' as const, repository: 'public', may: 'pull' },
    { who: alice, repository: 'public', may: 'pull push' },
    { who: bob, repository: 'public', may: 'pull' },
    { who: { user: 'carol' }, repository: 'public', may: 'pull push delete' },
    { who: 'anonymous' as const, repository: 'users', may: '' },
    { who: alice, repository: 'users', may: 'pull' },
    { who: bob, repository: 'users', may: 'pull push' },
    { who: alice, repository: 'closed', may: '' },
    { who: alice, repository: 'unmentioned', may: '' },
    { who: root, repository: 'closed', may: 'pull push delete' },
    { who: root, repository: 'unmentioned', may: 'pull push delete' },
    { who: { user: 'anonymous' }, repository: 'users', may: 'pull' },
    { who: { user: '*' }, repository: 'users', may: 'pull' },
    { who: { user: '@developers' }, repository: 'public', may: 'pull' },
  ])('lets $who do "$may" in $repository', ({ who, repository, may }) => {
    expect(rights(access, who, repository)).toBe(may);
  });

  it('tells whether it is worth asking without logging in', () => {
    expect(access.anonymousCanPullSomething).toBe(true);
    expect(rules({ access: [{ repositories: ['**'], pull: ['*'] }] }).anonymousCanPullSomething).toBe(false);
  });

  it('shows what may be pulled', () => {
    const names = ['closed', 'public', 'users'].map(parseRepositoryName);
    expect(names.filter(access.visible('anonymous'))).toEqual(['public']);
    expect(names.filter(access.visible(alice))).toEqual(['public', 'users']);
    expect(names.filter(access.visible(root))).toEqual(names);
  });
});

it('lets whoever may push or delete also pull', () => {
  const access = rules({ access: [{ repositories: ['app'], push: ['alice'], delete: ['bob'] }] });
  expect(rights(access, alice, 'app')).toBe('pull push');
  expect(rights(access, bob, 'app')).toBe('pull delete');
});

describe('the most specific rule', () => {
  const order = [
    'team/app',
    'team/ap?',
    'team/ap*',
    'team/*pp',
    'team/*',
    'team/**',
    't*/app',
    '**/app',
    '*/*',
    '**',
  ];

  it('decides alone, wherever it is written', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(order, { minLength: 1 }), (patterns) => {
        const access = rules({
          access: patterns.map((pattern) => ({ repositories: [pattern], pull: [pattern] })),
        });
        const winners = order.filter((user) => rights(access, { user }, 'team/app') === 'pull');
        expect(winners).toEqual([order.find((pattern) => patterns.includes(pattern))]);
      }),
    );
  });

  it('is the first of those that are alike', () => {
    const [a, b] = [
      { repositories: ['a*c'], pull: ['alice'] },
      { repositories: ['ab*', 'a*b'], pull: ['bob'] },
    ];
    expect(rights(rules({ access: [a, b] }), alice, 'axc')).toBe('pull');
    const alike = [
      { repositories: ['a*b*'], pull: ['alice'] },
      { repositories: ['a*c*'], pull: ['bob'] },
    ];
    expect(rights(rules({ access: alike }), alice, 'abc')).toBe('pull');
    expect(rights(rules({ access: alike.toReversed() }), alice, 'abc')).toBe('');
  });
});

describe('a mistake in the rules', () => {
  it.each([
    { options: { access: [{ repositories: ['a', 'B'] }] }, message: 'berth.access[0].repositories[1]: "B"' },
    {
      options: { access: [{ repositories: ['a'] }, { repositories: ['b', 'a'] }] },
      message: 'berth.access[1].repositories[1]: a has its rule at berth.access[0].repositories[0] already',
    },
    { options: { access: [{ repositories: ['a'], push: ['@dev'] }] }, message: 'there is no group @dev' },
    {
      options: { access: [{ repositories: ['a'], pull: [''] }] },
      message: 'berth.access[0].pull: a user name is empty',
    },
    { options: { admins: ['anonymous'] }, message: 'berth.admins' },
    { options: { groups: { '@dev': [] } }, message: 'leave out the @' },
    {
      options: { groups: { dev: ['alice', '@ops'] } },
      message: 'berth.groups.dev: "@ops" is not a user name',
    },
  ])('is told: $message', ({ options, message }) => expect(() => rules(options)).toThrow(message));
});

describe('authorize', () => {
  const app = parseRepositoryName('app');
  it('passes who may', () => expect(() => rules({}).authorize(alice, 'push', app)).not.toThrow());
  it.each([
    { who: 'anonymous' as const, canLogIn: true, code: 'UNAUTHORIZED', message: 'log in to push to app' },
    { who: alice, canLogIn: true, code: 'DENIED', message: 'user alice may not push to app' },
    { who: 'anonymous' as const, canLogIn: false, code: 'DENIED', message: 'nobody' },
  ])('answers $who with $code', ({ who, canLogIn, code, message }) => {
    const access = rules({ access: [{ repositories: ['**'], pull: ['anonymous'] }] }, canLogIn);
    expect(() => access.authorize(who, 'push', app)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe('a token', () => {
  const access = rules({ admins: ['root'], access: [{ repositories: ['team/*'], push: ['alice'] }] });
  const pulling = [{ repository: 'team/app', actions: ['pull'] }];

  it.each(['alice', 'root'])('of %s is for no more than it was asked for', (user) => {
    expect(rights(access, { user }, 'team/app')).toContain('pull push');
    expect(rights(access, { user, scopes: pulling }, 'team/app')).toBe('pull');
    expect(rights(access, { user, scopes: pulling }, 'team/other')).toBe('');
    expect(rights(access, { user, scopes: [] }, 'team/app')).toBe('');
  });

  it('allows nothing that the rules do not', () =>
    expect(rights(access, { user: 'bob', scopes: pulling }, 'team/app')).toBe(''));

  it('narrows no list', () => {
    const visible = access.visible({ user: 'alice', scopes: [] });
    expect(visible(parseRepositoryName('team/app'))).toBe(true);
    expect(visible(parseRepositoryName('other'))).toBe(false);
  });

  it.each([
    { user: 'alice', code: 'UNAUTHORIZED', why: 'another token would do' },
    { user: 'bob', code: 'DENIED', why: 'no token would do' },
  ])('that is not enough is $code for $user: $why', ({ user, code }) =>
    expect(() =>
      access.authorize({ user, scopes: pulling }, 'push', parseRepositoryName('team/app')),
    ).toThrow(expect.objectContaining({ code })),
  );
});
