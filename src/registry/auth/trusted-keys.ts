import { createHash, createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readConfigured } from '../system-error.js';

/** The part of a token's head that says which key signed it. RFC 7515 section 4.1. */
export type KeyHint = Readonly<{ kid?: string; x5c?: readonly string[]; jwk?: JsonWebKey }>;

/** Files, PEM and JSON. */
export type KeyFiles = Readonly<{ rootcertbundle?: string | undefined; jwks?: string | undefined }>;

type NamedKey = JsonWebKey & { kid?: string; x5c?: readonly string[] };

const MAX_CHAIN = 10;

/** Keys that tokens may be signed with: those of certificates, by any name that issuers give them, and those of a JWKS. */
export class TrustedKeys {
  readonly #roots: readonly X509Certificate[];
  readonly #keys: ReadonlyMap<string, KeyObject>;

  /** @throws {Error} naming the key of the configuration: a file that cannot be read or has none. */
  static async load({ rootcertbundle, jwks }: KeyFiles): Promise<TrustedKeys> {
    const roots = rootcertbundle ? await readCertificates(rootcertbundle) : [];
    const named = jwks ? await readKeySet(jwks) : [];
    return new TrustedKeys(roots, named);
  }

  private constructor(roots: readonly X509Certificate[], named: readonly NamedKey[]) {
    this.#roots = roots;
    const keys = new Map<string, KeyObject>();
    for (const { publicKey } of roots) for (const name of keyNames(publicKey)) keys.set(name, publicKey);
    for (const jwk of named) {
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      for (const name of [...keyNames(key), ...(jwk.kid === undefined ? [] : [jwk.kid])]) keys.set(name, key);
    }
    this.#keys = keys;
  }

  /** @returns `undefined` for one that nobody trusts. With no hint at all, the only key there is. */
  find({ kid, x5c, jwk }: KeyHint): KeyObject | undefined {
    if (x5c !== undefined) return this.#certified(x5c);
    if (jwk !== undefined) return this.#given(jwk);
    if (kid !== undefined) return this.#keys.get(kid);
    const all = new Set(this.#keys.values());
    return all.size === 1 ? [...all][0] : undefined;
  }

  #given(jwk: NamedKey): KeyObject | undefined {
    if (jwk.x5c !== undefined) return this.#certified(jwk.x5c);
    const names = keyNames(createPublicKey({ key: jwk, format: 'jwk' }));
    return names.map((name) => this.#keys.get(name)).find((key) => key !== undefined);
  }

  /** The key of the first certificate, if a chain leads from it to one of ours. RFC 7515 section 4.1.6. */
  #certified(chain: readonly string[]): KeyObject | undefined {
    const certificates = chain
      .slice(0, MAX_CHAIN)
      .map((der) => new X509Certificate(Buffer.from(der, 'base64')));
    const [leaf, ...others] = certificates;
    if (leaf === undefined || !isValidNow(leaf)) return undefined;
    let current = leaf;
    for (;;) {
      if (
        this.#roots.some((root) => root.fingerprint256 === current.fingerprint256 || isIssuer(root, current))
      )
        return leaf.publicKey;
      const next = others.shift();
      if (next === undefined || !isIssuer(next, current)) return undefined;
      current = next;
    }
  }
}

function isIssuer(issuer: X509Certificate, issued: X509Certificate): boolean {
  return isValidNow(issuer) && issuer.ca && issued.checkIssued(issuer) && issued.verify(issuer.publicKey);
}

function isValidNow({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now();
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

/** RFC 7638 as distribution v3 names keys, that without leading zeros as it also does, and libtrust's as v2 does. */
export function keyNames(key: KeyObject): string[] {
  const jwk = key.export({ format: 'jwk' });
  return [thumbprint(jwk), thumbprint(jwk, withoutZeros), libtrustName(key)].filter(
    (name) => name !== undefined,
  );
}

function withoutZeros(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0)).toString('base64url');
}

function thumbprint(
  { kty, crv, x = '', y = '', e, n }: JsonWebKey,
  written: (coordinate: string) => string = (text) => text,
): string | undefined {
  const members = {
    EC: { crv, kty, x: written(x), y: written(y) },
    OKP: { crv, kty, x },
    RSA: { e, kty, n },
  }[String(kty)];
  return members && createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** `ABCD:EFGH:…`: 240 bits of SHA-256 of the public key in base32, twelve groups of four. docker/libtrust util.go. */
function libtrustName(key: KeyObject): string {
  const der = key.export({ format: 'der', type: 'spki' });
  const bits = BigInt(`0x${createHash('sha256').update(der).digest('hex').slice(0, 60)}`);
  const letters = Array.from(
    { length: 48 },
    (_, i) => BASE32[Number((bits >> BigInt(5 * (47 - i))) & 31n)],
  ).join('');
  return letters.replace(/.{4}(?=.)/g, '$&:');
}

async function readCertificates(path: string): Promise<X509Certificate[]> {
  const text = (await readConfigured(path, 'auth.token.rootcertbundle')).toString();
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`auth.token.rootcertbundle: ${path} has no certificate`);
  return blocks.map((block) => new X509Certificate(block));
}

async function readKeySet(path: string): Promise<NamedKey[]> {
  const text = (await readConfigured(path, 'auth.token.jwks')).toString();
  try {
    const { keys } = JSON.parse(text) as { keys: NamedKey[] };
    if (keys.length === 0) throw new Error('it is empty');
    return keys;
  } catch (error) {
    throw new Error(
      `auth.token.jwks: ${path} is no JSON Web Key Set: ${error instanceof Error ? error.message : error}`,
    );
  }
}
