import { type PasswordHash, parsePasswordHash } from './password-hash.js';

/** What an htpasswd file says. `refused` are lines whose password cannot be used; their users cannot log in. */
export type Htpasswd = Readonly<{
  users: ReadonlyMap<string, PasswordHash>;
  refused: readonly Readonly<{ line: number; user: string; why: string }>[];
}>;

/** One user of an htpasswd file; `line` counts from 1. `hash` is not looked at yet. */
export type HtpasswdEntry = Readonly<{ line: number; user: string; hash: string }>;

/** @throws {Error} naming the line. As with the reference registry, a line that cannot be read spoils the file. */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, PasswordHash>();
  const refused: { line: number; user: string; why: string }[] = [];
  for (const { line, user, hash } of htpasswdEntries(text)) {
    try {
      users.set(user, parsePasswordHash(hash)); // of two lines for one user the last counts, as in the reference
    } catch (error) {
      users.delete(user);
      refused.push({ line, user, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { users, refused };
}

/** Comments and empty lines are left out. @throws {Error} as {@link parseHtpasswd}. */
export function htpasswdEntries(text: string): HtpasswdEntry[] {
  return text.split('\n').flatMap((raw, i): HtpasswdEntry[] => {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) return [];
    const colon = content.indexOf(':');
    // Nothing of the line may be shown: it may be a password.
    if (colon < 1) throw new Error(`line ${i + 1} is not of the form user:hash`);
    return [{ line: i + 1, user: content.slice(0, colon), hash: content.slice(colon + 1) }];
  });
}
