import { describe, expect, it } from 'vitest';
import { JobRules } from '../../../src/registry/auth/job-rules.js';

const GITHUB = { repository: 'Org/App', ref: 'refs/heads/main' };
const rule = (claims: Record<string, string[]>, repositories = ['team/app']) => ({
  claims,
  repositories,
  actions: ['push' as const],
});
const rules = (...all: ReturnType<typeof rule>[]) => new JobRules(all, 'berth.oidc[0].rules');

describe('rules about jobs', () => {
  it.each<{ claims: Record<string, string[]>; matches: boolean }>([
    { claims: { repository: ['Org/*'] }, matches: true },
    { claims: { repository: ['Org/*'], ref: ['refs/heads/**'] }, matches: true },
    { claims: { repository: ['elsewhere', 'Org/App'] }, matches: true },
    { claims: { ref: ['refs/**'] }, matches: true },
    { claims: { ref: ['refs/*'] }, matches: false },
    { claims: { repository: ['org/*'] }, matches: false },
    { claims: { repository: ['Org/Ap'] }, matches: false },
    { claims: { repository: ['Org/*'], ref: ['refs/tags/*'] }, matches: false },
    { claims: { repository: ['Org/*'], environment: ['**'] }, matches: false },
    { claims: { constructor: ['**'] }, matches: false },
  ])('match all of $claims: $matches', ({ claims, matches }) => {
    const grants = rules(rule(claims)).grantsFor(GITHUB);
    expect(grants?.allow('push', 'team/app') ?? false).toBe(matches);
    expect(grants === undefined).toBe(!matches);
  });

  it('add up', () => {
    const both = rules(rule({ ref: ['**'] }, ['a']), rule({ repository: ['**'] }, ['b'])).grantsFor(GITHUB);
    expect(['a', 'b', 'c'].map((name) => both?.allow('push', name))).toEqual([true, true, false]);
    expect(both?.allow('pull', 'a')).toBe(true);
    expect(both?.allow('delete', 'a')).toBe(false);
  });

  it('can name repositories by what is claimed', () => {
    const own = rules(rule({ ref: ['**'] }, ['ci/{repository}/**']));
    expect(own.claims).toEqual(['ref', 'repository']);
    const grants = own.grantsFor(GITHUB);
    expect(grants?.allow('push', 'ci/org/app/image')).toBe(true);
    expect(grants?.allow('push', 'ci/org/other/image')).toBe(false);
  });

  it.each(['**', '*', 'a/../b', 'a//b', '/a', 'a/', '', 'a b', `${'a'.repeat(300)}`])(
    'take no wildcards and no odd paths from a claim: %j',
    (repository) => {
      const own = rules(rule({ ref: ['**'] }, ['{repository}/**', '{absent}/**']));
      const grants = own.grantsFor({ ...GITHUB, repository });
      for (const name of ['a/b', 'a/b/c', 'b/c', 'team/app']) expect(grants?.allow('push', name)).toBe(false);
    },
  );

  it.each([
    { claims: { a: [''] }, repositories: ['team/app'], where: 'claims.a' },
    { claims: { a: ['b'] }, repositories: ['Team'], where: 'repositories[0]' },
    { claims: { a: ['b'] }, repositories: ['ok', '{a}//b'], where: 'repositories[1]' },
  ])('name what is wrong: $where', ({ claims, repositories, where }) =>
    expect(() => rules(rule(claims, repositories))).toThrow(`berth.oidc[0].rules[0].${where}: `),
  );
});
