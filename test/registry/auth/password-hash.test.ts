import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { hashPassword, matches, parsePasswordHash } from '../../../src/registry/auth/password-hash.js';

const PASSWORDS = [
  'a',
  'secret',
  'sixteen letters.',
  'päßwörd',
  'x'.repeat(40),
  'thirty-two letters, no more, no.',
];

function htpasswd(...args: string[]): string {
  return execFileSync('htpasswd', args, { encoding: 'utf8', stdio: 'pipe' })
    .trim()
    .replace(/^[^:]*:/, '');
}

function openssl(...args: string[]): string {
  return execFileSync('openssl', ['passwd', ...args], { encoding: 'utf8' }).trim();
}

async function check(password: string | Buffer, text: string): Promise<boolean> {
  return matches(Buffer.from(password), parsePasswordHash(text));
}

describe('hashes made by htpasswd and openssl', () => {
  const makers: { form: string; make: (password: string) => string }[] = [
    { form: 'htpasswd -B', make: (password) => htpasswd('-nbBC', '4', 'u', password) },
    { form: 'htpasswd -m', make: (password) => htpasswd('-nbm', 'u', password) },
    { form: 'htpasswd -s', make: (password) => htpasswd('-nbs', 'u', password) },
    { form: 'openssl -1', make: (password) => openssl('-1', password) },
    { form: 'openssl -apr1', make: (password) => openssl('-apr1', password) },
    { form: 'openssl -5', make: (password) => openssl('-5', password) },
    { form: 'openssl -6', make: (password) => openssl('-6', password) },
    { form: 'openssl -6 with a short salt', make: (password) => openssl('-6', '-salt', 'ab', password) },
    {
      form: 'openssl -5 with rounds',
      make: (password) => openssl('-5', '-salt', 'rounds=1234$saltsalt', password),
    },
  ];
  it.each(makers)('checks $form', async ({ make }) => {
    for (const password of PASSWORDS) {
      const text = make(password);
      expect(await check(password, text)).toBe(true);
      expect(await check(`${password}.`, text)).toBe(false);
      expect(await check('', text)).toBe(false);
    }
  });
});

describe("hashes that the system's libcrypt knows", () => {
  it.each([
    // Made by mkpasswd -m yescrypt, gost-yescrypt and scrypt of Debian's whois.
    '$y$j9T$Ap8EAbbO/H0OQW54tGlPW1$p0JmUWXCigIWMfpqt1bHDiQaBxM1m5Zrzr821DHwZa.',
    '$gy$j9T$wcOMPrgmWlmArqKqztSXk0$JPaK/yFtgjnccZJhDZUy.Rh83bcD6.bKWAIpHpZHaI0',
    '$7$CU..../....Ym1bTZwA4qXJ7sFnoJmbl1$u5fmXQrH6II8eofaaH8tFgnSqW/neW08U.8S8o0IFH5',
  ])('checks %s', async (text) => {
    expect(await check('secret', text)).toBe(true);
    for (const password of ['secreu', '', 'secret\0', 'secret\0more'])
      expect(await check(password, text)).toBe(false);
  });

  it('checks htpasswd -d, which looks at eight characters', async () => {
    const text = htpasswd('-nbd', 'u', 'eightlet');
    expect(await check('eightletters', text)).toBe(true);
    for (const password of ['eightle', 'Eightlet', '']) expect(await check(password, text)).toBe(false);
  });
});

describe('parsePasswordHash', () => {
  it.each([
    { text: 'secret', why: 'not hashed' },
    { text: '', why: 'not hashed' },
    { text: '$2y$10$tooshort', why: 'unknown or incomplete' },
    { text: `$2y$99$${'a'.repeat(53)}`, why: 'unknown or incomplete' },
    { text: '{SSHA}abcdefg', why: 'unknown or incomplete' },
    { text: '$6$salt$short', why: 'unknown or incomplete' },
    { text: '$y$j9T$abc$def', why: 'unknown or incomplete' },
  ])('refuses $text: $why', ({ text, why }) => {
    expect(() => parsePasswordHash(text)).toThrow(why);
  });

  it('does not give away what it refuses', () => {
    expect(() => parsePasswordHash('hunter2')).toThrow(expect.not.stringContaining('hunter2'));
  });
});

describe('long passwords', () => {
  it('are cut at 72 bytes by bcrypt, as by the reference registry', async () => {
    const text = await hashPassword('x'.repeat(72), 4);
    expect(await check('x'.repeat(100), text)).toBe(true);
    expect(await check('x'.repeat(71), text)).toBe(false);
  });

  it('are refused where they are set', async () => {
    await expect(hashPassword('ä'.repeat(37), 4)).rejects.toThrow(RangeError);
  });

  it('never match the slow hashes of our own beyond 1024 bytes', async () => {
    expect(await check('x'.repeat(100_000), openssl('-6', 'x'))).toBe(false);
  });
});

it('makes bcrypt that htpasswd takes', async () => {
  expect(await hashPassword('secret', 4)).toMatch(/^\$2y\$04\$/);
});

it('checks bytes that are no text', async () => {
  const password = Buffer.from([0xff, 0x00, 0xfe]);
  const { hash } = await import('@node-rs/bcrypt');
  const text = await hash(password, 4);
  expect(await check(password, text)).toBe(true);
  expect(await check(Buffer.from([0xff, 0x00, 0xfd]), text)).toBe(false);
});

it('lets other work go on while a slow hash is computed', async () => {
  const text = openssl('-6', '-salt', 'rounds=200000$saltsalt', 'secret');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  expect(await check('secret', text)).toBe(true);
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(10);
});
