import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/errors.js';
import { filtersOf, isSet, pairsOf } from '../../src/engine/query.js';

const query = (members: Record<string, string>) => new URLSearchParams(members);

describe('the query of a request', () => {
  it.each([
    ['1', true],
    ['True', true],
    ['yes', true],
    ['0', false],
    ['false', false],
    ['', false],
  ])('takes %j as %j', (text, expected) => expect(isSet(query({ all: text }), 'all')).toBe(expected));

  it.each(['{"label":{"a=b":true,"c":true,"d":false}}', '{"label":["a=b","c"]}'])(
    'reads filters in the form %s',
    (filters) => expect([...filtersOf(query({ filters }), ['label'])]).toEqual([['label', ['a=b', 'c']]]),
  );

  it.each(['{"other":["x"]}', '[]', '{', '"text"'])('refuses the filters %s', (filters) =>
    expect(() => filtersOf(query({ filters }), ['label'])).toThrow(EngineError),
  );

  it('reads pairs, with or without a value', () =>
    expect([...pairsOf(query({ buildargs: '{"A":"1","B":null}' }), 'buildargs')]).toEqual([
      ['A', '1'],
      ['B', undefined],
    ]));
});
