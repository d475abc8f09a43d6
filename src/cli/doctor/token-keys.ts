import { readFile, stat } from 'node:fs/promises';
import { parseKeyFile } from '../../registry/auth/token-key-file.js';
import { tokenKeysPath } from '../authentication.js';
import type { Check } from './diagnosis.js';
import { privacyOf } from './file-privacy.js';
import type { Machine } from './machine.js';

/** The keys that sign tokens, where the registry gives any. */
export const tokenKeysCheck: Check<Machine> = {
  name: 'token keys',
  run: async ({ loaded: { config } }) => {
    if (!config.berth.tokens.enabled) return [];
    const path = tokenKeysPath(config);
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) return []; // made at the start
    const all = privacyOf(path, info, 'the keys with which anybody can make tokens for everything');
    try {
      parseKeyFile(await readFile(path, 'utf8'));
      return all;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [
        ...all,
        {
          severity: 'error',
          found: `${path} cannot be used: ${reason}`,
          means: 'the registry does not start',
          remedy: 'bring it back from a backup; without it, clients and other registries need the new keys',
        },
      ];
    }
  },
};
