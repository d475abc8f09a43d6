import { X509Certificate } from 'node:crypto';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { editFile } from '../../../src/cli/file-edit.js';
import { TokenKeys } from '../../../src/registry/auth/signing.js';
import { run } from '../../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const HOURS = 3_600_000;
const ROTATION = { rotationMs: 24 * HOURS, overlapMs: HOURS };

let folder: TemporaryFolder;
let path: string;
let clock: number;
let logged: string[];

beforeEach(async () => {
  folder = await temporaryFolder('keys');
  path = join(folder.path, 'keys.json');
  clock = Date.now();
  logged = [];
});

afterEach(() => folder[Symbol.asyncDispose]());

function open(options: Partial<Parameters<typeof TokenKeys.open>[0]> = {}): Promise<TokenKeys> {
  const note = (_fields: object, message: string) => void logged.push(message);
  const log = { info: note, warn: note };
  return TokenKeys.open({ path, issuer: 'berth', ...ROTATION, editFile, log, now: () => clock, ...options });
}

/** Of which key tokens would say that it signed them. */
async function signer(keys: TokenKeys): Promise<string> {
  return (await keys.signing()).kid;
}

async function kidsOf(keys: TokenKeys): Promise<string[]> {
  return (await keys.all()).map(({ kid }) => kid);
}

describe('keys of tokens', () => {
  it('are made on the first start, readable by their owner only, and stay the same', async () => {
    const first = await open();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const second = await open();
    expect(await signer(second)).toBe(await signer(first));
    expect(await second.secret()).toEqual(await first.secret());
  });

  it('are made once, however many replicas start at the same time', async () => {
    const replicas = await Promise.all([open(), open(), open()]);
    const signers = await Promise.all(replicas.map(signer));
    expect(new Set(signers).size).toBe(1);
  });

  it('are published without what is private, certified by an authority that stays the same', async () => {
    const keys = await open();
    const { keys: published } = (await keys.keySet()) as { keys: Record<string, string>[] };
    const kid = await signer(keys);
    expect(published).toMatchObject([{ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid }]);
    expect(JSON.stringify(published)).not.toContain('"d"');
    const [authority, leaf] = [join(folder.path, 'ca.pem'), join(folder.path, 'leaf.pem')];
    await writeFile(authority, await keys.certificate());
    await writeFile(leaf, new X509Certificate((await keys.signing()).certificate).toString());
    expect(await run(['openssl', 'verify', '-x509_strict', '-CAfile', authority, leaf])).toContain('OK');
  });

  it('follow each other: known to all before they sign, and as long as what they signed is good', async () => {
    const [keys, replica] = [await open(), await open()];
    const certificate = await keys.certificate();
    const old = await signer(keys);
    clock += 24 * HOURS - 5 * 60_000;
    expect(await signer(keys)).toBe(old);
    await expect.poll(() => logged).toEqual(['new key for tokens made']);
    const [, next = ''] = await kidsOf(keys);
    clock += 2 * 60_000;
    expect(await kidsOf(replica)).toEqual([old, next]);
    expect([await signer(keys), await signer(replica)]).toEqual([old, old]);
    clock += 10 * 60_000;
    expect([await signer(keys), await signer(replica)]).toEqual([next, next]);
    expect(await keys.find(old)).toBeDefined();
    clock += 24 * HOURS;
    await signer(keys);
    await expect.poll(() => kidsOf(keys)).toEqual([next, expect.any(String)]);
    expect(await keys.certificate()).toBe(certificate);
  });

  it('go on while no new one can be stored, which is said once a minute at most', async () => {
    let fails = false;
    const keys = await open({
      editFile: (...edit) => (fails ? Promise.reject(new Error('no space')) : editFile(...edit)),
    });
    const old = await signer(keys);
    fails = true;
    clock += 48 * HOURS;
    for (let i = 0; i < 3; i++) {
      expect(await signer(keys)).toBe(old);
      await new Promise(setImmediate);
    }
    expect(logged).toEqual(['no new key for tokens, the old one goes on']);
  });

  it('never follow each other where that is not wanted', async () => {
    const keys = await open({ rotationMs: 0 });
    const old = await signer(keys);
    clock += 100 * 365 * 24 * HOURS;
    expect(await signer(keys)).toBe(old);
    expect(await kidsOf(keys)).toEqual([old]);
    const { validTo } = new X509Certificate((await keys.signing()).certificate);
    expect(validTo).toContain('9999');
  });

  it.each([
    { text: 'nonsense', why: 'no JSON' },
    { text: '{"secret":"top"}', why: 'incomplete' },
  ])('stop the start when the file has something else: $why', async ({ text }) => {
    await writeFile(path, text);
    await expect(open()).rejects.toThrow(`berth.tokens.keys: cannot use ${path}: it does not hold keys`);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('stop the start when they cannot be stored', async () => {
    await expect(open({ path: join(folder.path, 'none', 'keys.json') })).rejects.toThrow(
      'berth.tokens.keys: cannot use',
    );
  });

  it('are new at the start, when the registry was down for long', async () => {
    const old = await signer(await open());
    clock += 49 * HOURS;
    const keys = await open();
    const { kid, certificate } = await keys.signing();
    expect(kid).not.toBe(old);
    expect(new X509Certificate(certificate).validToDate.getTime()).toBeGreaterThan(clock + 24 * HOURS);
  });

  it('are warned of when everybody can read them', async () => {
    await open();
    expect(logged).toEqual([]);
    await chmod(path, 0o644);
    await open();
    expect(logged).toEqual(['everybody on this machine can read the keys of tokens']);
  });

  it('stay when the file goes away meanwhile', async () => {
    const keys = await open();
    const old = await signer(keys);
    await rm(path);
    clock += HOURS;
    expect(await signer(keys)).toBe(old);
  });
});
