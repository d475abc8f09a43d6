import { describe, expect, it } from 'vitest';
import { covers, parseScopes, scopeOf } from '../../../src/registry/auth/scopes.js';

const PULL = { repository: 'team/app', actions: ['pull'] };

describe('parseScopes', () => {
  it.each([
    { parameters: ['repository:team/app:pull'], scopes: [PULL] },
    { parameters: ['repository:team/app:pull repository:a:push,pull'], scopes: [PULL, pushOf('a')] },
    { parameters: ['repository:team/app:pull', 'repository:a:push,pull'], scopes: [PULL, pushOf('a')] },
    { parameters: ['repository:team/app:pull', ' repository:team/app:pull '], scopes: [PULL] },
    {
      parameters: [
        'repository:team/app:pull repository:a:push',
        'repository:a:pull,push repository:team/app:pull',
      ],
      scopes: [PULL, pushOf('a')],
    },
    {
      parameters: ['repository:a:delete', 'repository:a:*'],
      scopes: [{ repository: 'a', actions: ['delete', '*'] }],
    },
    { parameters: ['repository(plugin):team/app:pull'], scopes: [PULL] },
    { parameters: ['repository:host:5000/a:push,pull'], scopes: [pushOf('host:5000/a')] },
  ])('reads $parameters', ({ parameters, scopes }) => expect(parseScopes(parameters)).toEqual(scopes));

  it.each([
    '',
    ' ',
    'registry:catalog:*',
    'planet:mars:conquer',
    'repository',
    'repository:a',
    'repository::pull',
  ])('leaves out %j', (text) => expect(parseScopes([text])).toEqual([]));

  it('reads no more than a header can hold', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `repository:app${i}:pull`);
    expect(parseScopes(many)).toHaveLength(100);
  });
});

describe('covers', () => {
  it.each([
    { asked: 'pull', pull: true, push: false, delete: false },
    { asked: 'push', pull: true, push: true, delete: false },
    { asked: 'delete', pull: true, push: false, delete: true },
    { asked: 'delete,push', pull: true, push: true, delete: true },
    { asked: '*', pull: true, push: true, delete: true },
    { asked: 'fly', pull: false, push: false, delete: false },
    { asked: '', pull: false, push: false, delete: false },
  ])('$asked', ({ asked, ...expected }) => {
    const scopes = parseScopes([`repository:a:${asked}`]);
    for (const action of ['pull', 'push', 'delete'] as const) {
      expect(covers(scopes, action, 'a')).toBe(expected[action]);
      expect(covers(scopes, action, 'b')).toBe(false);
    }
  });
});

it('scopeOf asks for what clients need besides', () => {
  const asked = (['pull', 'push', 'delete'] as const).map((action) => scopeOf(action, 'a'));
  expect(asked).toEqual(['repository:a:pull', 'repository:a:pull,push', 'repository:a:delete']);
});

function pushOf(repository: string) {
  return { repository, actions: ['push', 'pull'] };
}
