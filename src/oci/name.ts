import { OciError } from './errors.js';

declare const brand: unique symbol;
/** A repository's path, without the registry. distribution-spec spec.md, "Pulling manifests". */
export type RepositoryName = string & { readonly [brand]: 'RepositoryName' };
/** A name within a repository that may move from one manifest to another. */
export type Tag = string & { readonly [brand]: 'Tag' };

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
/** Many clients refuse a longer host and name together; the reference registry refuses a longer name. */
const MAX_NAME_LENGTH = 255;

/** @returns the name, or `undefined` where {@link parseRepositoryName} throws. */
export function findRepositoryName(input: string): RepositoryName | undefined {
  return input.length <= MAX_NAME_LENGTH && NAME.test(input) ? (input as RepositoryName) : undefined;
}

/** @throws {OciError} NAME_INVALID. */
export function parseRepositoryName(input: string): RepositoryName {
  const name = findRepositoryName(input);
  if (name !== undefined) return name;
  throw new OciError(
    'NAME_INVALID',
    input.length > MAX_NAME_LENGTH
      ? `a repository name has at most ${MAX_NAME_LENGTH} characters`
      : `not a repository name: ${JSON.stringify(input)}; use lower-case letters and digits, separated by one of . _ __ - /`,
  );
}

/** @returns the tag, or `undefined` when the grammar forbids it. */
export function findTag(input: string): Tag | undefined {
  return TAG.test(input) ? (input as Tag) : undefined;
}

/** @throws {OciError} TAG_INVALID. */
export function parseTag(input: string): Tag {
  const tag = findTag(input);
  if (tag === undefined) {
    throw new OciError(
      'TAG_INVALID',
      `not a tag: ${JSON.stringify(input.slice(0, 200))}; use up to 128 letters, digits, "_", "." and "-", not starting with "." or "-"`,
    );
  }
  return tag;
}
