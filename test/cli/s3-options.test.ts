import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findIndex } from '../../src/cli/open-index.js';
import { s3Options } from '../../src/cli/s3-options.js';
import { loadConfig } from '../../src/registry/config/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };

function load(s3: string) {
  return loadConfig({ text: `version: 0.1\nstorage: {s3: ${s3}}`, env: {} }).config;
}

async function optionsOf(s3: string, env: NodeJS.ProcessEnv = {}) {
  const section = load(s3).storage.s3;
  if (!section) throw new Error('no section');
  return s3Options(section, { env, log, alone: true });
}

describe('s3Options', () => {
  it.each([
    { s3: '{bucket: b, region: r}', pathStyle: false, endpoint: undefined },
    { s3: '{bucket: b, region: r, forcepathstyle: true}', pathStyle: true, endpoint: undefined },
    {
      s3: '{bucket: b, regionendpoint: "http://minio:9000"}',
      pathStyle: true,
      endpoint: 'http://minio:9000',
    },
    { s3: '{bucket: b, regionendpoint: "minio:9000"}', pathStyle: true, endpoint: 'https://minio:9000' },
    {
      s3: '{bucket: b, regionendpoint: "minio:9000", secure: false}',
      pathStyle: true,
      endpoint: 'http://minio:9000',
    },
    {
      s3: '{bucket: b, regionendpoint: "r2.example", forcepathstyle: false}',
      pathStyle: false,
      endpoint: 'https://r2.example',
    },
  ])('finds where the bucket is: $s3', async ({ s3, pathStyle, endpoint }) => {
    const options = await optionsOf(s3);
    expect(options.pathStyle).toBe(pathStyle);
    expect(options.endpoint).toBe(endpoint);
  });

  it('asks the service for what it does not do by itself only', async () => {
    expect((await optionsOf('{bucket: b, region: r}')).objects).toEqual({});
    expect((await optionsOf('{bucket: b, region: r, storageclass: NONE, encrypt: true}')).objects).toEqual({
      encryption: {},
    });
    const all =
      '{bucket: b, region: r, storageclass: STANDARD_IA, encrypt: true, keyid: k, objectacl: public-read}';
    expect((await optionsOf(all)).objects).toEqual({
      acl: 'public-read',
      storageClass: 'STANDARD_IA',
      encryption: { keyId: 'k' },
    });
  });

  it('copies in parts early at Amazon, and late elsewhere, unless it is told when', async () => {
    const threshold = async (s3: string) => (await optionsOf(s3)).copies.thresholdBytes / 1024 ** 2;
    expect(await threshold('{bucket: b, region: r}')).toBe(32);
    expect(await threshold('{bucket: b, regionendpoint: "http://x"}')).toBe(5 * 1024);
    expect(
      await threshold('{bucket: b, regionendpoint: "http://x", multipartcopythresholdsize: 64MiB}'),
    ).toBe(64);
  });

  it('leaves credentials to the usual chain, and takes authorities from AWS_CA_BUNDLE', async () => {
    expect(await optionsOf('{bucket: b, region: r}')).not.toHaveProperty('credentials');
    const keys = '{bucket: b, region: r, accesskey: a, secretkey: s, sessiontoken: t}';
    const credentials = { accessKeyId: 'a', secretAccessKey: 's', sessionToken: 't' };
    expect(await optionsOf(keys)).toMatchObject({ credentials });
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'ca.pem');
    await expect(optionsOf('{bucket: b, region: r}', { AWS_CA_BUNDLE: file })).rejects.toThrow(
      'AWS_CA_BUNDLE names',
    );
    await writeFile(file, 'PEM');
    expect(await optionsOf('{bucket: b, region: r}', { AWS_CA_BUNDLE: file })).toMatchObject({ ca: 'PEM' });
  });
});

describe('the index of a bucket', () => {
  const bucket = (name: string) => load(`{bucket: ${name}, region: r}`);

  it('is in the cache, one for each bucket', () => {
    const env = { XDG_CACHE_HOME: '/home/u/.cache' };
    expect(findIndex(bucket('a'), env).name).toMatch(
      /^\/home\/u\/\.cache\/berth\/s3-[0-9a-f]{16}\/berth\/index\.sqlite$/,
    );
    expect(findIndex(bucket('a'), env).name).not.toBe(findIndex(bucket('b'), env).name);
    expect(findIndex(bucket('a'), { ...env, CACHE_DIRECTORY: '/var/cache/berth' }).name).toMatch(
      /^\/var\/cache\/berth\/s3-/,
    );
  });

  it('is one, however the root directory is written', () => {
    const env = { XDG_CACHE_HOME: '/home/u/.cache' };
    const at = (root: string) => findIndex(load(`{bucket: a, region: r, rootdirectory: ${root}}`), env).name;
    expect(new Set(['a/b', '/a/b', 'a/b/', '//a//b//'].map(at)).size).toBe(1);
    expect(new Set(["''", '/', '//'].map(at))).toEqual(new Set([findIndex(bucket('a'), env).name]));
    expect(at('/a')).not.toBe(at('/b'));
  });

  it('is in memory where there is no cache', () => expect(findIndex(bucket('a'), {}).name).toBe(':memory:'));
});
