import { layout } from '../../content/index.js';
import { findRepositoryName, type RepositoryName } from '../../oci/index.js';
import type { StorageDriver, StoragePath, WalkedFile } from '../../storage/index.js';
import { ListedLinks } from './links.js';

/** Foreign directories, such as `lost+found`, are not ours to look into. */
const COMPONENT = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/;
const INNER = new Set(['_layers', '_manifests', '_uploads']);
const INSIDE = /^(.+?)\/_(?:layers|manifests|uploads)\//;

/** Every directory that holds something of a repository, in no order that callers may rely on. */
export async function* walkRepositories(driver: StorageDriver): AsyncGenerator<RepositoryName> {
  if (driver.walk)
    for await (const { repository } of walkFiles(driver.walk(layout.REPOSITORIES))) yield repository;
  else yield* walkDirectories(driver, layout.REPOSITORIES);
}

/** Those that may have uploads under way. */
export async function* walkUploaders(driver: StorageDriver): AsyncGenerator<RepositoryName> {
  if (!driver.walk) return yield* walkRepositories(driver);
  for await (const { repository, files } of walkFiles(driver.walk(layout.REPOSITORIES))) {
    const uploads = `${layout.uploadsPath(repository)}/`;
    if (files.some(({ path }) => path.startsWith(uploads))) yield repository;
  }
}

/**
 * Every repository with its links, from one pass over all files.
 * @returns `undefined` where that is no cheaper than to look into each.
 */
export function walkLinks(
  driver: StorageDriver,
): AsyncGenerator<{ repository: RepositoryName; links: ListedLinks }> | undefined {
  if (!driver.walk) return undefined;
  const groups = walkFiles(driver.walk(layout.REPOSITORIES));
  return (async function* () {
    for await (const { repository, files } of groups) {
      yield { repository, links: new ListedLinks(driver, files) };
    }
  })();
}

async function* walkDirectories(driver: StorageDriver, below: StoragePath): AsyncGenerator<RepositoryName> {
  let isRepository = false;
  for await (const { name, directory } of driver.list(below)) {
    if (INNER.has(name)) isRepository = true;
    else if (directory && COMPONENT.test(name)) yield* walkDirectories(driver, `${below}/${name}`);
  }
  if (!isRepository) return;
  const repository = findRepositoryName(below.slice(layout.REPOSITORIES.length + 1));
  if (repository !== undefined) yield repository;
}

/** In the order of their paths, files of one repository come together: what is inside of others does not begin with `_`. */
async function* walkFiles(
  all: AsyncIterable<WalkedFile>,
): AsyncGenerator<{ repository: RepositoryName; files: WalkedFile[] }> {
  let current: string | undefined;
  let files: WalkedFile[] = [];
  const group = () => {
    const repository = current === undefined ? undefined : findRepositoryName(current);
    return repository === undefined ? [] : [{ repository, files }];
  };
  for await (const file of all) {
    const [, name] = INSIDE.exec(file.path.slice(layout.REPOSITORIES.length + 1)) ?? [];
    if (name !== current) {
      yield* group();
      current = name;
      files = [];
    }
    files.push(file);
  }
  yield* group();
}
