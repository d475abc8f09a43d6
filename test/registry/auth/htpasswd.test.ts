import { describe, expect, it } from 'vitest';
import { parseHtpasswd } from '../../../src/registry/auth/htpasswd.js';

const HASH = `$2y$05$${'a'.repeat(53)}`;
const OTHER = `$2y$06$${'a'.repeat(53)}`;

describe('parseHtpasswd', () => {
  it('skips comments and empty lines, and takes any line ends', () => {
    const { users } = parseHtpasswd(`# team\r\n\r\n  # more\nalice:${HASH}\r\nbob:${HASH}`);
    expect([...users.keys()]).toEqual(['alice', 'bob']);
    expect(users.get('alice')).toEqual({ scheme: 'bcrypt', text: HASH });
  });

  it('lets the last line for a user count', () => {
    expect(parseHtpasswd(`alice:${HASH}\nalice:${OTHER}`).users.get('alice')?.text).toBe(OTHER);
    expect(parseHtpasswd(`alice:${HASH}\nalice:plain`).users.size).toBe(0);
  });

  it('refuses single passwords without spoiling the others', () => {
    const { users, refused } = parseHtpasswd(`alice:${HASH}\nbob:$2y$10$short\n\ncarol:hunter2\n`);
    expect([...users.keys()]).toEqual(['alice']);
    expect(refused).toEqual([
      { line: 2, user: 'bob', why: expect.stringContaining('unknown or incomplete') },
      { line: 4, user: 'carol', why: expect.stringContaining('not hashed') },
    ]);
  });

  it.each([{ text: `\nalice` }, { text: `#\n:${HASH}` }])(
    'names the line that spoils the file',
    ({ text }) => {
      expect(() => parseHtpasswd(text)).toThrow('line 2 is not of the form user:hash');
    },
  );

  it('reads an empty file', () => expect(parseHtpasswd('').users.size).toBe(0));
});
