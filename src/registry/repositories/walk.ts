import { layout } from '../../content/index.js';
import { OciError, parseRepositoryName, type RepositoryName } from '../../oci/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';

const INNER = new Set(['_layers', '_manifests', '_uploads']);

/** Every directory that holds something of a repository, in no order that callers may rely on. */
export async function* walkRepositories(
  driver: StorageDriver,
  below: StoragePath = layout.REPOSITORIES,
): AsyncGenerator<RepositoryName> {
  let isRepository = false;
  for await (const { name, directory } of driver.list(below)) {
    if (INNER.has(name)) isRepository = true;
    else if (directory && !name.startsWith('_')) yield* walkRepositories(driver, `${below}/${name}`);
  }
  if (!isRepository) return;
  const repository = findName(below.slice(layout.REPOSITORIES.length + 1));
  if (repository !== undefined) yield repository;
}

/** Foreign directories, such as `lost+found`, are not ours to complain about. */
function findName(name: string): RepositoryName | undefined {
  try {
    return parseRepositoryName(name);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}
