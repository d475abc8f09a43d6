import { readFile, stat } from 'node:fs/promises';
import { parseHtpasswd } from '../../registry/auth/htpasswd.js';
import type { PasswordHash } from '../../registry/auth/password-hash.js';
import type { Check, Diagnosis } from './diagnosis.js';
import { privacyOf } from './file-privacy.js';
import type { Machine } from './machine.js';

const MAX_NAMED = 5;

/** What a stolen file would tell soon: these were made when machines were slow. */
const WEAK: Readonly<Partial<Record<PasswordHash['scheme'], string>>> = {
  sha: 'SHA-1 without salt',
  'md5-crypt': 'MD5',
};

/** Users who cannot log in at all are told by the check of the configuration. */
export const passwordsCheck: Check<Machine> = {
  name: 'passwords',
  run: async ({ loaded: { config } }) => {
    const path = config.auth.htpasswd?.path;
    if (path === undefined) return [];
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile()) return [];
    const text = await readFile(path, 'utf8').catch(() => undefined);
    return [...privacyOf(path, info, 'the hashes of all passwords'), ...weakHashes(path, text)];
  },
};

function weakHashes(path: string, text: string | undefined): Diagnosis[] {
  if (text === undefined) return [];
  try {
    const { users } = parseHtpasswd(text);
    const groups = Map.groupBy(users, ([, hash]) => kindOf(hash));
    return [...groups].flatMap(([kind, all]) => {
      if (kind === undefined) return [];
      const names = all.map(([user]) => user);
      const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
      return [
        {
          severity: 'warning' as const,
          found: `passwords of ${names.slice(0, MAX_NAMED).join(', ')}${more} are hashed with ${kind}`,
          means: 'whoever gets the file can find them in hours',
          remedy: `set them anew, which takes bcrypt: berth user passwd --file ${path} ${names[0]}`,
        },
      ];
    });
  } catch {
    return []; // told by the check of the configuration
  }
}

function kindOf({ scheme, text }: PasswordHash): string | undefined {
  return scheme === 'system' && !text.startsWith('$') ? 'DES, of 8 characters at most' : WEAK[scheme];
}
