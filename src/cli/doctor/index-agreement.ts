import type { RepositoryName } from '../../oci/index.js';
import {
  isNothing,
  linksOf,
  type RepositoryStore,
  scanRepository,
  walkRepositories,
} from '../../registry/repositories/index.js';
import type { Check } from './diagnosis.js';
import type { Machine } from './machine.js';

const MAX_NAMED = 5;

/** Whether the index says what the files say. */
export const indexCheck: Check<Machine> = {
  name: 'index',
  run: async ({ opened }) => {
    if (!opened?.indexed) return [];
    const { store } = opened;
    const names = new Set(await store.index.allRepositories());
    for await (const name of walkRepositories(store.driver)) names.add(name);
    const wrong: RepositoryName[] = [];
    for (const name of names) {
      // What was pushed between the two looks is no disagreement.
      if (!(await agrees(store, name)) && !(await agrees(store, name))) wrong.push(name);
    }
    if (wrong.length === 0) return [];
    const more = wrong.length > MAX_NAMED ? ` and ${wrong.length - MAX_NAMED} more` : '';
    return [
      {
        severity: 'warning',
        found: `the index does not agree with the files of ${wrong.slice(0, MAX_NAMED).join(', ')}${more}`,
        means: 'the files were changed by something else; a registry that runs answers as it was before',
        remedy: 'berth index rebuild, also while the registry runs; each start compares them too',
      },
    ];
  },
};

async function agrees({ driver, index, blobs }: RepositoryStore, name: RepositoryName): Promise<boolean> {
  const indexed = await index.contents(name);
  const links = await linksOf(driver, name);
  return isNothing(await scanRepository({ links, blobs }, name, indexed, { reread: false }));
}
