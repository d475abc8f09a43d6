import { describe, expect, it } from 'vitest';
import { VerifiedPasswords } from '../../../src/registry/auth/verified-passwords.js';

function build(capacity: number) {
  const clock = { now: 0 };
  return { clock, verified: new VerifiedPasswords({ ttlMs: 100, capacity, now: () => clock.now }) };
}

describe('VerifiedPasswords', () => {
  it('forgets after the time, however often it was asked', () => {
    const { clock, verified } = build(10);
    verified.add('a');
    clock.now = 99;
    expect(verified.has('a')).toBe(true);
    clock.now = 100;
    expect(verified.has('a')).toBe(false);
  });

  it('forgets the one used longest ago when it is full', () => {
    const { verified } = build(2);
    verified.add('a');
    verified.add('b');
    verified.has('a');
    verified.add('c');
    expect(['a', 'b', 'c'].map((key) => verified.has(key))).toEqual([true, false, true]);
  });

  it('remembers nothing with a time of 0', () => {
    const verified = new VerifiedPasswords({ ttlMs: 0, capacity: 10, now: () => 0 });
    verified.add('a');
    expect(verified.has('a')).toBe(false);
  });

  it('makes different keys of different users, passwords and hashes, and of each process', () => {
    const { verified } = build(1);
    const parts: [string, string, string][] = [
      ['a', 'b', 'c'],
      ['a', 'b', 'd'],
      ['a', 'b\0c', ''],
      ['a\0b', 'c', ''],
      ['a', '', 'b\0c'],
      ['ab', '', 'c'],
    ];
    const keys = parts.map(([user, password, hash]) => verified.keyOf(user, Buffer.from(password), hash));
    expect(new Set(keys).size).toBe(parts.length);
    expect(build(1).verified.keyOf('a', Buffer.from('b'), 'c')).not.toBe(keys[0]);
  });
});
