import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BERTH } from './berth-process.js';
import { run } from './run.js';

/** A private authority and a certificate signed by it, as `berth tls init` makes them. */
export type PrivateAuthority = Readonly<{
  /** Settings for `http.tls`. */
  tls: Readonly<{ certificate: string; key: string }>;
  /** The file that clients must trust, and its text. */
  caFile: string;
  ca: string;
}>;

/** @param folder is made. */
export async function createAuthority(
  folder: string,
  addresses: readonly string[],
): Promise<PrivateAuthority> {
  await mkdir(folder, { recursive: true });
  await run([BERTH, 'tls', 'init', '--dir', folder, '--ip', ...addresses]);
  const caFile = join(folder, 'ca.crt');
  return {
    tls: { certificate: join(folder, 'server.crt'), key: join(folder, 'server.key') },
    caFile,
    ca: await readFile(caFile, 'utf8'),
  };
}

/** For who asks clients for one, signed by that authority. @param folder to keep it in. */
export async function signClientCertificate(
  folder: string,
  caFile: string,
): Promise<PrivateAuthority['tls']> {
  const [key, request, certificate] = ['key', 'csr', 'crt'].map((ending) => join(folder, `client.${ending}`));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run(['openssl', 'req', ...curve, '-subj', '/CN=client', '-keyout', `${key}`, '-out', `${request}`]);
  const ca = ['-CA', caFile, '-CAkey', caFile.replace(/crt$/, 'key'), '-CAcreateserial'];
  await run(['openssl', 'x509', '-req', '-days', '1', ...ca, '-in', `${request}`, '-out', `${certificate}`]);
  return { certificate: `${certificate}`, key: `${key}` };
}
