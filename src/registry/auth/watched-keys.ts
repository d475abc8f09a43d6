import type { KeyObject, X509Certificate } from 'node:crypto';
import { reasonOf } from '../system-error.js';
import { parseCertificates, parseKeySet, TrustedKeys } from './trusted-keys.js';
import { type AuthLog, WatchedFile } from './watched-file.js';

/** Files, PEM and JSON. */
export type KeyFiles = Readonly<{ rootcertbundle?: string | undefined; jwks?: string | undefined }>;

type Watching = Readonly<{
  log: AuthLog;
  /** Milliseconds of any clock that never goes back. */
  now: () => number;
}>;

/** The keys that are in the files by now: issuers add some, and take others back. */
export class WatchedKeys {
  readonly #roots: WatchedFile<readonly X509Certificate[]> | undefined;
  readonly #named: WatchedFile<ReadonlyMap<string, KeyObject>> | undefined;
  #known: Readonly<{ files: readonly unknown[]; keys: TrustedKeys }> | undefined;

  /** @throws {Error} naming the key of the configuration: a file that cannot be read or has no keys. */
  static async open({ rootcertbundle, jwks, ...watching }: KeyFiles & Watching): Promise<WatchedKeys> {
    return new WatchedKeys(
      rootcertbundle
        ? await openFile('rootcertbundle', rootcertbundle, parseCertificates, [], watching)
        : undefined,
      jwks ? await openFile('jwks', jwks, parseKeySet, new Map(), watching) : undefined,
    );
  }

  private constructor(
    roots: WatchedFile<readonly X509Certificate[]> | undefined,
    named: WatchedFile<ReadonlyMap<string, KeyObject>> | undefined,
  ) {
    this.#roots = roots;
    this.#named = named;
  }

  /** @returns the same as before, as long as the files are. */
  async current(): Promise<TrustedKeys> {
    const [roots, named] = await Promise.all([this.#roots?.content(), this.#named?.content()]);
    const known = this.#known;
    if (known !== undefined && known.files[0] === roots && known.files[1] === named) return known.keys;
    const keys = new TrustedKeys(roots ?? [], named ?? new Map());
    this.#known = { files: [roots, named], keys };
    return keys;
  }
}

async function openFile<Content>(
  key: keyof KeyFiles,
  path: string,
  parse: (text: string) => Content,
  none: Content,
  watching: Watching,
): Promise<WatchedFile<Content>> {
  const file = new WatchedFile(none, { path, what: `keys of auth.token.${key}`, parse, ...watching });
  try {
    await file.load();
  } catch (error) {
    throw new Error(`auth.token.${key}: cannot use ${path}: ${reasonOf(error)}`, { cause: error });
  }
  return file;
}
