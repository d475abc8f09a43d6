import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { SecureContextOptions, SecureVersion } from 'node:tls';
import { readConfigured } from '../configured-file.js';
import { reasonOf } from '../system-error.js';
import { cipherList } from './ciphers.js';
import { type ClientAuth, clientAuthOptions } from './client-auth.js';
import { fileVersions } from './file-versions.js';

/** `http.tls` of the configuration. Files are PEM. */
export type TlsFiles = Readonly<{
  certificate: string;
  key: string;
  clientcas?: readonly string[] | undefined;
  clientauth?: ClientAuth | undefined;
  minimumtls?: string | undefined;
  ciphersuites?: readonly string[] | undefined;
}>;

/** Can be given to `https.createServer` and `http2.createSecureServer` as it is. */
export type TlsOptions = SecureContextOptions &
  Readonly<{ requestCert: boolean; rejectUnauthorized: boolean }>;

export type LoadedTls = Readonly<{
  options: TlsOptions;
  /** What is asked of clients; `undefined` asks for nothing. */
  clientAuth: ClientAuth | undefined;
  /** When the server's certificate runs out. */
  validTo: Date;
  /** All that was read, to be looked at for changes. */
  files: readonly string[];
  /** Their state just before they were read. */
  version: string;
}>;

/** @throws {Error} naming the file or the key at fault; also when certificate and key do not belong together. */
export async function loadTls(config: TlsFiles): Promise<LoadedTls> {
  const { certificate, key, clientcas = [] } = config;
  const files = [certificate, key, ...clientcas];
  const version = await fileVersions(files);
  const certBytes = await readConfigured(certificate, 'http.tls.certificate');
  const keyBytes = await readConfigured(key, 'http.tls.key');
  const caBytes = await Promise.all(clientcas.map((path) => readConfigured(path, 'http.tls.clientcas')));
  const leaf = parseCertificate(certBytes, certificate, 'certificate');
  checkKey(keyBytes, key);
  clientcas.forEach((path, i) => void parseCertificate(caBytes[i] ?? Buffer.alloc(0), path, 'clientcas'));
  const clientAuth =
    clientcas.length > 0
      ? (config.clientauth ?? 'require-and-verify-client-cert')
      : withoutAuthorities(config);
  const ciphers = cipherList(config.ciphersuites ?? []);
  const options: TlsOptions = {
    cert: certBytes,
    key: keyBytes,
    minVersion: minimumVersion(config.minimumtls),
    ...clientAuthOptions(clientAuth),
    ...(clientcas.length > 0 ? { ca: caBytes } : {}),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
  tryOut(options, config);
  return { options, clientAuth, validTo: new Date(leaf.validTo), files, version };
}

/** Asking makes sense without authorities, verifying does not: that would let in nobody, or everybody. */
function withoutAuthorities({ clientauth }: TlsFiles): ClientAuth | undefined {
  if (clientauth === undefined || clientauth === 'request-client-cert') return clientauth;
  if (clientauth === 'require-any-client-cert') return clientauth;
  throw new Error(`http.tls.clientauth: ${clientauth} needs http.tls.clientcas to verify with`);
}

const VERSIONS: Readonly<Record<string, SecureVersion>> = { 'tls1.2': 'TLSv1.2', 'tls1.3': 'TLSv1.3' };

function minimumVersion(name = 'tls1.2'): SecureVersion {
  const version = VERSIONS[name];
  if (version !== undefined) return version;
  const broken = name === 'tls1.0' || name === 'tls1.1';
  const why = broken
    ? 'is no longer safe (RFC 8996) and no current client needs it'
    : 'is not a version of TLS';
  throw new Error(`http.tls.minimumtls: ${JSON.stringify(name)} ${why}; use tls1.2 or tls1.3`);
}

type FileKey = 'certificate' | 'key' | 'clientcas';

function parseCertificate(bytes: Buffer, path: string, key: FileKey): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (error) {
    throw new Error(`http.tls.${key}: ${path} is not a certificate in PEM`, { cause: error });
  }
}

function checkKey(bytes: Buffer, path: string): void {
  try {
    createPrivateKey(bytes);
  } catch (error) {
    throw new Error(`http.tls.key: ${path} is not a private key in PEM, or has a passphrase`, {
      cause: error,
    });
  }
}

function tryOut(options: TlsOptions, { certificate, key }: TlsFiles): void {
  // Loaded here: it takes longer than all else of this folder, which registries without TLS load too.
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`http.tls.key: cannot use ${certificate} with the key ${key}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
