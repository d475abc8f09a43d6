import { createHash } from 'node:crypto';
import { OciError } from './errors.js';

declare const brand: unique symbol;
/** `algorithm:encoded`, already checked. image-spec descriptor.md, "Digests". */
export type Digest = string & { readonly [brand]: 'Digest' };

/** The algorithms content can be verified against; a digest may name others. */
const HASH_ALGORITHMS = ['sha256', 'sha512'] as const;
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

const GRAMMAR = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/;
/** Nearly all are of these, which one look tells. */
const SHA256 = /^sha256:[a-f0-9]{64}$/;
const ENCODED: ReadonlyMap<string, RegExp> = new Map([
  ['sha256', /^[a-f0-9]{64}$/],
  ['sha512', /^[a-f0-9]{128}$/],
  ['blake3', /^[a-f0-9]{64}$/],
]);

/** @throws {OciError} DIGEST_INVALID: off the grammar, or the wrong length for its algorithm. */
export function parseDigest(input: string): Digest {
  const digest = findDigest(input);
  if (digest === undefined) {
    throw new OciError('DIGEST_INVALID', `not a digest: ${JSON.stringify(input.slice(0, 200))}`);
  }
  return digest;
}

/** @returns the digest, or `undefined` where {@link parseDigest} throws. */
export function findDigest(input: string): Digest | undefined {
  return SHA256.test(input) || isWellFormed(input) ? (input as Digest) : undefined; // the one cast, next to its proof
}

function isWellFormed(input: string): boolean {
  const [, algorithm = '', encoded = ''] = GRAMMAR.exec(input) ?? [];
  // An algorithm we do not know still makes a digest; only verifying against it must fail.
  const wellFormed = ENCODED.get(algorithm) ?? /./;
  return wellFormed.test(encoded);
}

export function algorithmOf(digest: Digest): string {
  return digest.slice(0, digest.indexOf(':'));
}

export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function isHashAlgorithm(algorithm: string): algorithm is HashAlgorithm {
  return (HASH_ALGORITHMS as readonly string[]).includes(algorithm);
}

/** @throws {OciError} DIGEST_INVALID: an algorithm that we cannot compute. */
export function hashAlgorithmOf(digest: Digest): HashAlgorithm {
  const algorithm = algorithmOf(digest);
  if (isHashAlgorithm(algorithm)) return algorithm;
  throw new OciError(
    'DIGEST_INVALID',
    `cannot verify ${algorithm} digests; use one of ${HASH_ALGORITHMS.join(', ')}`,
  );
}

/** Names the content whose hash is `hex`. */
export function digestOf(algorithm: HashAlgorithm, hex: string): Digest {
  return parseDigest(`${algorithm}:${hex}`);
}

/** Names these bytes. */
export function digestOfBytes(algorithm: HashAlgorithm, bytes: Uint8Array): Digest {
  return digestOf(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}
