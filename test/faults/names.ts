import { createHash } from 'node:crypto';
import type { Name } from './ledger.js';

/** What a ledger calls the things of a registry. */
export type Thing = Readonly<{ kind: 'blob' | 'manifest' | 'tag'; repository: string; reference: string }>;

/** The value of a blob or a manifest that is there; a tag has the digest that it names instead. */
export const PRESENT = 'present';

export function nameOf({ kind, repository, reference }: Thing): Name {
  return `${kind} ${repository} ${reference}`;
}

export function thingOf(name: Name): Thing {
  const [kind, repository = '', reference = ''] = name.split(' ');
  if (kind !== 'blob' && kind !== 'manifest' && kind !== 'tag') throw new Error(`not a thing: ${name}`);
  return { kind, repository, reference };
}

export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** What was pushed as `digest` hashes to that, by whichever algorithm it names. */
export function isContent(digest: string, bytes: Uint8Array): boolean {
  return digestOf(bytes, digest.slice(0, digest.indexOf(':'))) === digest;
}
