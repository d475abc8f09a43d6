import { describe, expect, it } from 'vitest';
import { formatReference, isNameOnly, parseReference, shortReference } from '../../src/oci/index.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('isNameOnly', () => {
  it.each(['alpine', 'localhost:5000/app', '[::1]:5000/a/b'])('finds neither tag nor digest in %s', (name) =>
    expect(isNameOnly(name)).toBe(true),
  );
  it.each(['alpine:3', `app@${DIGEST}`, `localhost:5000/app:v1@${DIGEST}`])('finds one in %s', (name) =>
    expect(isNameOnly(name)).toBe(false),
  );
});

describe('parseReference', () => {
  it.each([
    { input: 'alpine', whole: 'docker.io/library/alpine:latest', short: 'alpine:latest' },
    { input: 'team/app:v1', whole: 'docker.io/team/app:v1', short: 'team/app:v1' },
    { input: 'docker.io/alpine', whole: 'docker.io/library/alpine:latest', short: 'alpine:latest' },
    { input: 'index.docker.io/team/app', whole: 'docker.io/team/app:latest', short: 'team/app:latest' },
    { input: 'localhost/app', whole: 'localhost/app:latest', short: 'localhost/app:latest' },
    { input: 'localhost:5000/app', whole: 'localhost:5000/app:latest', short: 'localhost:5000/app:latest' },
    { input: 'reg.example:5000/a/b:v1', whole: 'reg.example:5000/a/b:v1', short: 'reg.example:5000/a/b:v1' },
    { input: '[::1]:5000/app:v1', whole: '[::1]:5000/app:v1', short: '[::1]:5000/app:v1' },
    { input: `app@${DIGEST}`, whole: `docker.io/library/app@${DIGEST}`, short: `app@${DIGEST}` },
    { input: `r.io/app:v1@${DIGEST}`, whole: `r.io/app@${DIGEST}`, short: `r.io/app@${DIGEST}` },
  ])('reads $input', ({ input, whole, short }) => {
    const reference = parseReference(input);
    expect(formatReference(reference)).toBe(whole);
    expect(shortReference(reference)).toBe(short);
    expect(parseReference(whole)).toEqual(reference);
  });

  it.each([
    { input: '', why: 'empty', code: 'NAME_INVALID' },
    { input: 'Alpine', why: 'upper case in a name', code: 'NAME_INVALID' },
    { input: 'a//b', why: 'an empty part', code: 'NAME_INVALID' },
    { input: 'reg.example:port/a', why: 'a port that is no number', code: 'NAME_INVALID' },
    { input: 'app:-v1', why: 'not a tag', code: 'TAG_INVALID' },
    { input: 'app@sha256:abc', why: 'too short for its algorithm', code: 'DIGEST_INVALID' },
  ])('refuses $input: $why', ({ input, code }) =>
    expect(() => parseReference(input)).toThrow(expect.objectContaining({ code })),
  );
});
