import { randomBytes } from 'node:crypto';
import { describe, inject, it } from 'vitest';
import { Client } from './client.ts';
import { Repository } from './repository.ts';
import type { Settings } from './settings.ts';

declare module 'vitest' {
  interface ProvidedContext {
    settings: Settings;
  }
}

/** RFC 2119: a failed MAY is something the registry offers, but wrongly. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';

/** What a requirement works with. */
export type Trial = Readonly<{
  client: Client;
  /** A new, empty repository. */
  repository: () => Repository;
  /** Ends the trial: the registry opts out of something optional. The reason goes into the report. */
  skip: (reason: string) => never;
}>;

// One for all files of a worker, so that connections and tokens are used again.
const client = new Client(inject('settings'));

/** The requirements of one file, named like the file. */
export function category(name: string, define: () => void): void {
  describe(name, define);
}

/**
 * One statement about a registry, true or false. Its name carries what the report needs: `parseName` in results.ts.
 * @param id letter for the source, number, then `.n` where one source item takes several statements. See README.md.
 */
export function requirement(
  id: string,
  level: Level,
  title: string,
  run: (trial: Trial) => Promise<void>,
): void {
  it(`${id} ${level} ${title}`, (context) => {
    const repository = () => new Repository(client, repositoryName(id));
    const skip = (reason: string): never => context.skip(reason);
    return run({ client, repository, skip });
  });
}

/** New for every call, and its first word tells where it comes from: `<namespace>/d16.1-5f0c9a1e`. */
function repositoryName(id: string): string {
  return `${client.settings.namespace}/${id.toLowerCase()}-${randomBytes(4).toString('hex')}`;
}
