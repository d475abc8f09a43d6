import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { makeCertificate } from './certificate.js';
import { keyNames } from './trusted-keys.js';

/** One key, in JSON. */
export type StoredKey = Readonly<{ key: JsonWebKey; certificate: string; from: string }>;

/** What the file of keys holds, in JSON. */
export type StoredKeys = Readonly<{
  secret: string;
  authority: Readonly<{ key: JsonWebKey; certificate: string }>;
  keys: readonly StoredKey[];
}>;

export type SigningKey = Readonly<{
  /** As in RFC 7638. */
  kid: string;
  key: KeyObject;
  publicKey: KeyObject;
  /** DER, by the authority. */
  certificate: Buffer;
  /** Begins to sign then, in milliseconds since 1970. */
  from: number;
}>;

/** The same, to be used. `authority` is its certificate, in DER. */
export type KeyFileContent = Readonly<{ secret: Buffer; authority: Buffer; keys: readonly SigningKey[] }>;

/** Clocks differ. */
const CLOCK_MS = 60 * 60 * 1000;

/** Without any key that signs yet. */
export function newAuthority(issuer: string, now: number): StoredKeys {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const from = new Date(now - CLOCK_MS);
  const certificate = makeCertificate({ subject: issuer, issuer, key, issuerKey: key, ca: true, from });
  return {
    secret: randomBytes(32).toString('base64url'),
    authority: { key: key.export({ format: 'jwk' }), certificate: certificate.toString('base64') },
    keys: [],
  };
}

/** @param times in milliseconds since 1970. Without `until`, the certificate has no end. */
export function newKey(
  { authority }: StoredKeys,
  { issuer, now, from, until }: { issuer: string; now: number; from: number; until: number | undefined },
): StoredKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const begin = new Date(from).toISOString();
  const certificate = makeCertificate({
    subject: `${issuer} ${begin}`,
    issuer,
    key: privateKey,
    issuerKey: createPrivateKey({ key: authority.key, format: 'jwk' }),
    ca: false,
    from: new Date(now - CLOCK_MS),
    until: until === undefined ? undefined : new Date(until + CLOCK_MS),
  });
  return {
    key: privateKey.export({ format: 'jwk' }),
    certificate: certificate.toString('base64'),
    from: begin,
  };
}

/** @throws {Error} that shows nothing of the text. */
export function parseKeyFile(text: string): KeyFileContent {
  try {
    const { secret, authority, keys } = JSON.parse(text) as StoredKeys;
    const read = keys.map(({ key: jwk, certificate, from }) => {
      const key = createPrivateKey({ key: jwk, format: 'jwk' });
      const publicKey = createPublicKey(key);
      const [kid = ''] = keyNames(publicKey);
      return { kid, key, publicKey, certificate: Buffer.from(certificate, 'base64'), from: Date.parse(from) };
    });
    if (read.length === 0 || typeof secret !== 'string' || secret.length < 32) throw new Error('incomplete');
    return {
      secret: Buffer.from(secret, 'base64url'),
      authority: Buffer.from(authority.certificate, 'base64'),
      keys: read,
    };
  } catch {
    throw new Error('it does not hold keys for tokens');
  }
}
