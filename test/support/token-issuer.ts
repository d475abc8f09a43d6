import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose';
import { run } from './run.js';

/** A key, and the certificates that vouch for it, itself first. */
export type Signer = Readonly<{
  key: KeyObject;
  certificate: X509Certificate;
  chain: string[];
  file: string;
}>;

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const CA = 'basicConstraints=critical,CA:TRUE';

/** @param by another signer; otherwise by itself. `ca`: whether it may vouch for others, of which `pathLength` may stand below it. */
export async function makeSigner(
  folder: string,
  name: string,
  {
    by,
    ca = false,
    pathLength,
    newKey = CURVE,
  }: { by?: Signer; ca?: boolean; pathLength?: number; newKey?: readonly string[] } = {},
): Promise<Signer> {
  const [file, keyFile] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const issuer = by ? ['-CA', by.file, '-CAkey', by.file.replace(/crt$/, 'key')] : [];
  const length = pathLength === undefined ? '' : `,pathlen:${pathLength}`;
  const constraints = ['-addext', ca ? `${CA}${length}` : 'basicConstraints=critical,CA:FALSE'];
  const request = [
    '-x509',
    ...newKey,
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    ...constraints,
    ...issuer,
  ];
  await run(['openssl', 'req', ...request, '-keyout', keyFile, '-out', file]);
  const certificate = new X509Certificate(await readFile(file));
  const chain = [certificate.raw.toString('base64'), ...(by?.chain ?? [])];
  return { key: createPrivateKey(await readFile(keyFile)), certificate, chain, file };
}

export type TokenClaims = Readonly<{
  iss?: string;
  aud?: string | string[];
  /** Text, where the issuer is in its senses. */
  sub?: unknown;
  /** Seconds from now. */
  exp?: number;
  nbf?: number;
  access?: readonly object[];
}>;

export function makeToken(
  { key }: Pick<Signer, 'key'>,
  header: Partial<JWTHeaderParameters>,
  { exp = 300, nbf, iss = 'issuer', aud = 'registry', ...claims }: TokenClaims = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const times = { exp: now + exp, iat: now, ...(nbf === undefined ? {} : { nbf: now + nbf }) };
  const alg =
    key.asymmetricKeyType === 'rsa' ? 'RS256' : key.asymmetricKeyType === 'ed25519' ? 'EdDSA' : 'ES256';
  return new SignJWT({ iss, aud, ...claims, ...times } as JWTPayload)
    .setProtectedHeader({ alg, ...header })
    .sign(key);
}
