import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, rootCertificates } from 'node:tls';
import { TrustError } from './errors.js';

/** Certificates for one registry, in PEM. */
export type Trust = Readonly<{
  /** Authorities, besides those of the system. */
  authorities: readonly string[];
  /** What the client shows of itself. */
  certificate?: string;
  key?: string;
}>;

export type TrustFoldersOptions = Readonly<{
  /** Folders with one folder for each `host[:port]`, as docker and podman have them. */
  folders: readonly string[];
  /** One whose files are for all registries. */
  forAll?: string;
  /** Files with authorities for all registries. */
  authorityFiles?: readonly string[];
  /** The authorities of the system are in here, as $SSL_CERT_FILE says, instead of in the usual file. */
  systemFile?: string;
}>;

/** Where Linux distributions keep the authorities that the whole system trusts; the first one there counts. */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Where docker and podman look, and each user's own. */
export function defaultTrustFolders(home: string): string[] {
  return [
    '/etc/docker/certs.d',
    '/etc/containers/certs.d',
    join(home, '.config/docker/certs.d'),
    join(home, '.config/containers/certs.d'),
  ];
}

/** Reads `*.crt` as authorities, and `*.cert` with the `*.key` of the same name as the client's own certificate. */
export class TrustFolders {
  readonly #folders: readonly string[];
  readonly #forAll: string | undefined;
  readonly #authorityFiles: readonly string[];
  readonly #systemFiles: readonly string[];
  #system: Promise<string[]> | undefined;

  constructor({ folders, forAll, authorityFiles = [], systemFile }: TrustFoldersOptions) {
    this.#folders = folders;
    this.#forAll = forAll;
    this.#authorityFiles = authorityFiles;
    this.#systemFiles = systemFile === undefined ? SYSTEM_FILES : [systemFile];
  }

  /** What other clients trust as well. Node alone would trust only what it brings. */
  systemAuthorities(): Promise<string[]> {
    this.#system ??= readFirst(this.#systemFiles).then((text) => [
      ...(text === undefined ? rootCertificates : [text]),
      ...getCACertificates('extra'),
    ]);
    return this.#system;
  }

  /** @throws {TrustError} a file that cannot be read, or a certificate without its key. */
  async of(registry: string): Promise<Trust> {
    const authorities = await Promise.all(this.#authorityFiles.map(readAuthority));
    let own: Pick<Trust, 'certificate' | 'key'> = {};
    const named = this.#folders.flatMap((folder) => folderNames(registry).map((name) => join(folder, name)));
    for (const folder of this.#forAll === undefined ? named : [...named, this.#forAll]) {
      const found = await readFolder(folder);
      authorities.push(...found.authorities);
      if (found.certificate !== undefined) own = { certificate: found.certificate, key: found.key ?? '' };
    }
    return { authorities, ...own };
  }
}

async function readFirst(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Port 443 is left out of the names of registries, and often of folders too. */
function folderNames(registry: string): string[] {
  return registry.endsWith(':443') ? [registry, registry.slice(0, -4)] : [registry];
}

async function readFolder(folder: string): Promise<Trust> {
  const names = (await listFolder(folder)).map(({ name }) => name).toSorted();
  const authorities = names.filter((name) => name.endsWith('.crt'));
  const certificate = names.find((name) => name.endsWith('.cert'));
  const own = certificate === undefined ? {} : await readPair(folder, names, certificate);
  return {
    authorities: await Promise.all(authorities.map((name) => readAuthority(join(folder, name)))),
    ...own,
  };
}

async function readPair(folder: string, names: readonly string[], certificate: string) {
  const key = certificate.replace(/\.cert$/, '.key');
  if (!names.includes(key)) {
    throw new TrustError(`${join(folder, certificate)} has no ${key} beside it; name authorities *.crt`);
  }
  return {
    certificate: await readFile(join(folder, certificate), 'utf8'),
    key: await readFile(join(folder, key), 'utf8'),
  };
}

async function readAuthority(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new TrustError(`cannot read the certificate ${file}: ${error.message}`, { cause: error });
  });
  if (text.includes('-----BEGIN CERTIFICATE-----') || text.includes('-----BEGIN TRUSTED CERTIFICATE-----'))
    return text;
  throw new TrustError(`${file} holds no certificate in PEM form`);
}

/** A folder that is not there, or for others' eyes only, says nothing. */
async function listFolder(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code ?? '')) return [];
    throw error;
  });
}
