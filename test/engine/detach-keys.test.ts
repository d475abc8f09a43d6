import { describe, expect, it } from 'vitest';
import { untilDetached } from '../../src/engine/containers/detach-keys.js';

async function typed(
  chunks: readonly string[],
  keys: string,
): Promise<readonly [text: string, detached: boolean]> {
  let detached = false;
  async function* input() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  let text = '';
  for await (const chunk of untilDetached(input(), Buffer.from(keys), () => {
    detached = true;
  }))
    text += Buffer.from(chunk).toString();
  return [text, detached];
}

describe('untilDetached', () => {
  it.each([
    { what: 'hands on what is typed', chunks: ['ab', 'c'], keys: 'pq', text: 'abc', detached: false },
    { what: 'ends at the keys', chunks: ['a', 'pqb'], keys: 'pq', text: 'a', detached: true },
    { what: 'knows them in two pieces', chunks: ['ap', 'qb'], keys: 'pq', text: 'a', detached: true },
    { what: 'hands on a first key alone', chunks: ['ap', 'b'], keys: 'pq', text: 'apb', detached: false },
    { what: 'begins anew after a wrong second one', chunks: ['ppq'], keys: 'pq', text: 'p', detached: true },
    { what: 'never ends without keys', chunks: ['abc'], keys: '', text: 'abc', detached: false },
  ])('$what', async ({ chunks, keys, text, detached }) =>
    expect(await typed(chunks, keys)).toEqual([text, detached]),
  );
});
