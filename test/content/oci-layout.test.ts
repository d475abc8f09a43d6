import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ContentNotFoundError,
  ContentSizeError,
  DigestMismatchError,
  OciLayout,
} from '../../src/content/index.js';
import { type Digest, digestOf } from '../../src/oci/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const HELLO = Buffer.from('hello');
const hello = { digest: sha256(HELLO), size: HELLO.length };

describe('an OCI layout', () => {
  it('is made once, as the specification has it', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'layout');
    OciLayout.create(root).writeIndex('{"schemaVersion":2,"manifests":[],"own":1}');
    const again = OciLayout.create(root);
    expect(readFileSync(join(root, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect(JSON.parse(String(again.readIndex()))).toMatchObject({ own: 1 });
    expect(readdirSync(root).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('leaves nothing open of what nobody reads, and fails nowhere else when that is called off', async () => {
    await using folder = await temporaryFolder();
    const layout = OciLayout.create(folder.path);
    await layout.put(hello, chunks('hello'));
    const before = readdirSync('/proc/self/fd').length;
    const off = new AbortController();
    for (let i = 0; i < 20; i += 1) await layout.open(hello.digest, { signal: off.signal });
    off.abort(new Error('called off'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 20);
  });

  it('gives back what it was given, from any offset', async () => {
    await using folder = await temporaryFolder();
    const layout = OciLayout.create(folder.path);
    await layout.put(hello, chunks('he', 'llo'));
    expect(layout.sizeOf(hello.digest)).toBe(5);
    expect(layout.read(hello.digest)).toEqual(HELLO);
    expect(
      Buffer.concat(await Array.fromAsync(await layout.open(hello.digest, { offset: 3 }))).toString(),
    ).toBe('lo');
    expect([...layout.digests()]).toEqual([hello.digest]);
    expect(layout.remove(hello.digest)).toBe(5);
    expect(layout.remove(hello.digest)).toBe(0);
    expect(() => layout.read(hello.digest)).toThrow(ContentNotFoundError);
    await expect(layout.open(hello.digest)).rejects.toThrow(ContentNotFoundError);
  });

  it('names content that nobody knew by its digest', async () => {
    await using folder = await temporaryFolder();
    const layout = OciLayout.create(folder.path);
    const told: Digest[] = [];
    expect(await layout.add(chunks('hello'), { beforeNamed: (digest) => told.push(digest) })).toEqual(hello);
    expect(told).toEqual([hello.digest]);
    expect(layout.putBytes(HELLO)).toBe(hello.digest);
  });

  it('verifies other algorithms by their own hash', async () => {
    await using folder = await temporaryFolder();
    const layout = OciLayout.create(folder.path);
    const digest = digestOf('sha512', createHash('sha512').update(HELLO).digest('hex'));
    await layout.put({ digest, size: 5 }, chunks('hello'));
    expect(layout.read(digest)).toEqual(HELLO);
  });

  it.each([
    { what: 'other bytes', source: () => chunks('hellO'), error: DigestMismatchError },
    { what: 'too few', source: () => chunks('hell'), error: ContentSizeError },
    { what: 'too many', source: () => chunks('hello', '!'), error: ContentSizeError },
    { what: 'bytes that end in a failure', source: () => failing(), error: Error },
  ])('keeps nothing of $what', async ({ source, error }) => {
    await using folder = await temporaryFolder();
    const layout = OciLayout.create(folder.path);
    await expect(layout.put(hello, source())).rejects.toThrow(error);
    expect(layout.sizeOf(hello.digest)).toBeUndefined();
    expect(readdirSync(folder.path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('stops when told to', async () => {
    await using folder = await temporaryFolder();
    const layout = OciLayout.create(folder.path);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(layout.put(hello, chunks('hello'), { signal })).rejects.toThrow('enough');
  });

  it('removes what was left half-made long ago, and nothing younger', async () => {
    await using folder = await temporaryFolder();
    mkdirSync(folder.path, { recursive: true });
    for (const name of ['.partial-old', '.partial-young', 'own']) writeFileSync(join(folder.path, name), '');
    utimesSync(join(folder.path, '.partial-old'), 1000, 1000);
    utimesSync(join(folder.path, 'own'), 1000, 1000);
    OciLayout.create(folder.path);
    expect(readdirSync(folder.path)).toEqual(expect.arrayContaining(['.partial-young', 'own']));
    expect(readdirSync(folder.path)).not.toContain('.partial-old');
  });
});

function sha256(bytes: Uint8Array): Digest {
  return digestOf('sha256', createHash('sha256').update(bytes).digest('hex'));
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('he');
  throw new Error('cut off');
}
