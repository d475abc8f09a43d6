import { layout } from '../../content/index.js';
import { findRepositoryName, type RepositoryName } from '../../oci/index.js';
import type { StorageDriver, StoragePath } from '../../storage/index.js';

/** Foreign directories, such as `lost+found`, are not ours to look into. */
const COMPONENT = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;
const INNER = new Set(['_layers', '_manifests', '_uploads']);

/** Every directory that holds something of a repository, in no order that callers may rely on. */
export async function* walkRepositories(
  driver: StorageDriver,
  below: StoragePath = layout.REPOSITORIES,
): AsyncGenerator<RepositoryName> {
  let isRepository = false;
  for await (const { name, directory } of driver.list(below)) {
    if (INNER.has(name)) isRepository = true;
    else if (directory && COMPONENT.test(name)) yield* walkRepositories(driver, `${below}/${name}`);
  }
  if (!isRepository) return;
  const repository = findRepositoryName(below.slice(layout.REPOSITORIES.length + 1));
  if (repository !== undefined) yield repository;
}
