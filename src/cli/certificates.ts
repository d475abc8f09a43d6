import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '../linux/index.js';
import { replaceFile } from './file-edit.js';
import { type Run, runProgram } from './openssl.js';

/** Where things lie in the folder that `berth tls init` works on. */
export type TlsFolder = Readonly<{ caCertificate: string; caKey: string; certificate: string; key: string }>;

export function tlsFolder(folder: string): TlsFolder {
  const [caCertificate, caKey] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  return { caCertificate, caKey, certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') };
}

const CA_DAYS = 3650;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Makes keys and certificates with the `openssl` program. Half-made files never get their final names. */
export class CertificateMaker {
  readonly #files: TlsFolder;
  readonly #work: string;
  readonly #run: Run;

  private constructor(files: TlsFolder, work: string, run: Run) {
    this.#files = files;
    this.#work = work;
    this.#run = run;
  }

  /** @param folder is made if it is missing. To be disposed of. */
  static async open(folder: string, run: Run = runProgram): Promise<CertificateMaker> {
    makeDirectories(folder);
    return new CertificateMaker(tlsFolder(folder), await mkdtemp(join(folder, '.making-')), run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#work, { recursive: true, force: true });
  }

  /**
   * Makes the authority, unless it is there already.
   * @returns whether it was made.
   * @throws {Error} half of one is there, or it ran out; `force` makes a new one all the same.
   */
  async ensureAuthority({ force }: { force: boolean }): Promise<boolean> {
    const { caCertificate, caKey } = this.#files;
    const [hasCertificate, hasKey] = await Promise.all([exists(caCertificate), exists(caKey)]);
    const remedy = 'use --force-ca to make a new authority, which all clients must then be given';
    if (!force && hasCertificate && hasKey) {
      const { validTo, matches } = await this.#authority();
      if (!matches) throw new Error(`${caKey} is not the key of ${caCertificate}; ${remedy}`);
      if (validTo < Date.now() + DAY_MS) throw new Error(`${caCertificate} has run out; ${remedy}`);
      return false;
    }
    if (!force && hasCertificate)
      throw new Error(`${caCertificate} is there without its key ${caKey}; ${remedy}`);
    if (!force && hasKey)
      throw new Error(`${caKey} is there without its certificate ${caCertificate}; ${remedy}`);
    await this.#makeAuthority();
    return true;
  }

  /**
   * Signs a certificate for the server. A key that is there stays in use, so that certificate and key always fit
   * together, whenever they are read.
   * @param days no more than the authority itself is valid for.
   */
  async makeServerCertificate(
    names: { dns: readonly string[]; ip: readonly string[] },
    days: number,
  ): Promise<void> {
    const { caCertificate, caKey, certificate, key } = this.#files;
    const { validTo } = await this.#authority();
    const lasting = Math.min(days, Math.floor((validTo - Date.now()) / DAY_MS));
    if (!(await exists(key))) await replaceFile(key, await this.#makeKey());
    const config = await this.#write('server.cnf', serverConfig(names));
    const [signingRequest, signed] = [join(this.#work, 'server.csr'), join(this.#work, 'server.crt')];
    await this.#openssl('req', '-new', '-config', config, '-key', key, '-out', signingRequest);
    const signer = ['-CA', caCertificate, '-CAkey', caKey, '-set_serial', newSerial()];
    const content = ['-days', `${lasting}`, '-sha256', '-extfile', config, '-extensions', 'extensions'];
    await this.#openssl('x509', '-req', '-in', signingRequest, ...signer, ...content, '-out', signed);
    await replaceFile(certificate, await readFile(signed), { mode: 0o644 });
  }

  async #makeAuthority(): Promise<void> {
    const config = await this.#write('ca.cnf', authorityConfig());
    const key = await this.#write('ca.key', await this.#makeKey());
    const certificate = join(this.#work, 'ca.crt');
    const content = [
      '-days',
      `${CA_DAYS}`,
      '-sha256',
      '-set_serial',
      newSerial(),
      '-extensions',
      'extensions',
    ];
    await this.#openssl(
      'req',
      '-x509',
      '-new',
      '-config',
      config,
      '-key',
      key,
      ...content,
      '-out',
      certificate,
    );
    await replaceFile(this.#files.caKey, await readFile(key));
    await replaceFile(this.#files.caCertificate, await readFile(certificate), { mode: 0o644 });
  }

  async #makeKey(): Promise<Buffer> {
    const path = join(this.#work, 'new.key');
    await this.#openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', path);
    return readFile(path);
  }

  async #authority(): Promise<{ validTo: number; matches: boolean }> {
    const certificate = new X509Certificate(await readFile(this.#files.caCertificate));
    const key = createPrivateKey(await readFile(this.#files.caKey));
    return { validTo: Date.parse(certificate.validTo), matches: certificate.checkPrivateKey(key) };
  }

  async #write(name: string, content: string | Buffer): Promise<string> {
    const path = join(this.#work, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  async #openssl(...args: string[]): Promise<void> {
    await this.#run('openssl', args);
  }
}

/** @returns `undefined` where there is none that can be read. */
export async function findCertificate(path: string): Promise<X509Certificate | undefined> {
  try {
    return new X509Certificate(await readFile(path));
  } catch {
    return undefined;
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** 127 random bits: above 0 and short enough for RFC 5280 section 4.1.2.2. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return `0x${bytes.toString('hex')}`;
}

/** The name tells one authority from another where several are trusted. */
function authorityConfig(): string {
  return `
[req]
prompt = no
distinguished_name = name
[name]
CN = Berth private authority ${randomBytes(4).toString('hex')}
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`;
}

/** @param names must be checked: in this file format a name could say more than a name. */
function serverConfig({ dns, ip }: { dns: readonly string[]; ip: readonly string[] }): string {
  return `
[req]
prompt = no
distinguished_name = name
[name]
CN = Berth registry
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @names
[names]
${dns.map((name, i) => `DNS.${i + 1} = ${name}`).join('\n')}
${ip.map((address, i) => `IP.${i + 1} = ${address}`).join('\n')}
`;
}
