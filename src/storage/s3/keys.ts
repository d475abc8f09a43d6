import type { StoragePath } from '../driver.js';
import { checkPath } from '../path.js';

/** Without slashes around it or doubled: `/a//b/` is `a/b`, where the reference registry writes. */
export function rootKey(rootDirectory: string): string {
  return rootDirectory.replace(/\/+/g, '/').replace(/^\/|\/$/g, '');
}

/** Keys of objects: the root directory, then the path, as the reference registry makes them. */
export class Keys {
  /** '' or something that ends in a slash. */
  readonly #root: string;

  constructor(rootDirectory: string) {
    const root = rootKey(rootDirectory);
    this.#root = root && `${root}/`;
  }

  of(path: StoragePath): string {
    return `${this.#root}${checkPath(path).slice(1)}`;
  }

  /** What all keys below a directory begin with. */
  below(path: StoragePath): string {
    return path === '/' ? this.#root : `${this.of(path)}/`;
  }

  pathOf(key: string): StoragePath {
    return `/${key.slice(this.#root.length)}`;
  }
}
