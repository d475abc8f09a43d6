import { createHash, createPublicKey, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto';
import { pathLengthOf } from './certificate-path-length.js';

/** The part of a token's head that says which key signed it. RFC 7515 section 4.1. */
export type KeyHint = Readonly<{ kid?: string; x5c?: readonly string[]; jwk?: JsonWebKey }>;

type NamedKey = JsonWebKey & { kid?: string; x5c?: readonly string[] };

type KeysByName = ReadonlyMap<string, KeyObject>;

const MAX_CHAIN = 10;

/** Keys that tokens may be signed with: those of certificates, by any name that issuers give them, and those of a JWKS. */
export class TrustedKeys {
  readonly #roots: readonly X509Certificate[];
  readonly #keys: KeysByName;

  constructor(roots: readonly X509Certificate[], named: KeysByName) {
    this.#roots = roots;
    const certified = roots.flatMap(({ publicKey }) =>
      keyNames(publicKey).map((name) => [name, publicKey] as const),
    );
    this.#keys = new Map([...certified, ...named]);
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
    for (let between = 0; ; between++) {
      const isOurs = (root: X509Certificate) =>
        root.fingerprint256 === current.fingerprint256 || isIssuer(root, current, between);
      if (this.#roots.some(isOurs)) return leaf.publicKey;
      const next = others.shift();
      if (next === undefined || !isIssuer(next, current, between)) return undefined;
      current = next;
    }
  }
}

/** @param between how many authorities there are below `issued`, itself included where it is one. */
function isIssuer(issuer: X509Certificate, issued: X509Certificate, between: number): boolean {
  const mayBe = isValidNow(issuer) && issuer.ca && between <= pathLengthOf(issuer.raw);
  return mayBe && issued.checkIssued(issuer) && issued.verify(issuer.publicKey);
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

/** @param text PEM. @throws {Error} there is none. */
export function parseCertificates(text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error('it has no certificate');
  return blocks.map((block) => new X509Certificate(block));
}

/** @param text a JSON Web Key Set. @throws {Error} it is something else, or empty. */
export function parseKeySet(text: string): KeysByName {
  try {
    const { keys } = JSON.parse(text) as { keys: NamedKey[] };
    if (keys.length === 0) throw new Error('it is empty');
    return new Map(keys.flatMap(namesOf));
  } catch (error) {
    throw new Error(`it is no JSON Web Key Set: ${error instanceof Error ? error.message : error}`);
  }
}

function namesOf(jwk: NamedKey): (readonly [string, KeyObject])[] {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const names = [...keyNames(key), ...(jwk.kid === undefined ? [] : [jwk.kid])];
  return names.map((name) => [name, key] as const);
}
