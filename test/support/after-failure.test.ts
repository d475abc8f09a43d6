import { describe, expect, it } from 'vitest';
import { afterFailure } from './after-failure.js';

describe('what is to be done after a failure', () => {
  const seen: string[] = [];
  let current = '';
  afterFailure(async () => void seen.push(current));

  it('is not done after a test that passes', () => {
    current = 'passed';
  });
  it.fails('is done after one that fails', () => {
    current = 'failed';
    throw new Error('as it is meant to');
  });
  it('is done before the next one', () => expect(seen).toEqual(['failed']));
});
