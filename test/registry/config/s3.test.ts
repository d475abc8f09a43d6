import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/registry/config/index.js';

const load = (s3: string, env: NodeJS.ProcessEnv = {}) =>
  loadConfig({ text: `version: 0.1\nstorage: {s3: ${s3}}\nhttp: {addr: ":1"}`, path: 'c.yml', env });

describe('storage.s3', () => {
  it('has the defaults of the reference', () => {
    expect(load('{bucket: b, region: r}').config.storage.s3).toEqual({
      bucket: 'b',
      region: 'r',
      encrypt: false,
      secure: true,
      skipverify: false,
      v4auth: true,
      chunksize: 10 * 1024 ** 2,
      multipartcopychunksize: 32 * 1024 ** 2,
      multipartcopymaxconcurrency: 100,
      storageclass: 'STANDARD',
      objectacl: 'private',
      usedualstack: false,
      accelerate: false,
      usefipsendpoint: false,
      loglevel: 'off',
    });
  });

  it('may be written as s3aws, and comes from variables too', () => {
    const text =
      'version: 0.1\nstorage: {s3aws: {bucket: b, chunksize: "5242880", storageclass: standard_ia}}';
    const env = { REGISTRY_STORAGE_S3AWS_REGION: 'eu-west-1', REGISTRY_STORAGE_S3AWS_LOGLEVEL: 'Debug' };
    const { config, origins } = loadConfig({ text, path: 'c.yml', env });
    const { s3 } = config.storage;
    expect(s3).toMatchObject({
      region: 'eu-west-1',
      chunksize: 5_242_880,
      storageclass: 'STANDARD_IA',
      loglevel: 'debug',
    });
    expect(origins.get('storage.s3.bucket')).toMatchObject({ from: 'file', line: 2 });
    expect(origins.get('storage.s3.region')).toMatchObject({ from: 'environment' });
  });

  it.each([
    { s3: '{region: r}', problem: 'storage.s3.bucket: is required' },
    { s3: '{bucket: b}', problem: 'storage.s3.region: is required without regionendpoint' },
    {
      s3: '{bucket: b, region: r, accesskey: a}',
      problem: 'storage.s3.secretkey: is required with accesskey',
    },
    {
      s3: '{bucket: b, region: r, secretkey: hush}',
      problem: 'storage.s3.accesskey: is required with secretkey',
    },
    {
      s3: '{bucket: b, regionendpoint: "ftp://x"}',
      problem: 'storage.s3.regionendpoint: must be an address',
    },
    {
      s3: '{bucket: b, regionendpoint: "http://x/y"}',
      problem: 'storage.s3.regionendpoint: must be an address',
    },
    {
      s3: '{bucket: b, region: r, chunksize: 1MiB}',
      problem: 'storage.s3.chunksize: must be from 5MiB to 5GiB',
    },
    { s3: '{bucket: b, region: r, multipartcopythresholdsize: 6GiB}', problem: 'must be from 0 to 5GiB' },
    {
      s3: '{bucket: b, region: r, storageclass: COLD}',
      problem: 'storage.s3.storageclass: must be NONE, STANDARD',
    },
    {
      s3: '{bucket: b, region: r, accelerate: true, forcepathstyle: true}',
      problem: 'does not go with forcepathstyle',
    },
  ])('does not start with $s3', ({ s3, problem }) => {
    expect(() => load(s3)).toThrow(ConfigError);
    expect(() => load(s3)).toThrow(problem);
    expect(() => load(s3)).not.toThrow('hush');
  });

  it.each([
    { s3: '{bucket: b, region: r, keyid: k}', key: 'keyid' },
    { s3: '{bucket: b, region: r, v4auth: false}', key: 'v4auth' },
    { s3: '{bucket: b, region: r, storageclass: GLACIER}', key: 'storageclass' },
    { s3: '{bucket: b, regionendpoint: "http://x", usedualstack: true}', key: 'usedualstack' },
    { s3: '{bucket: b, region: r, chunksise: 5MiB}', key: 'chunksise' },
  ])('warns of $s3', ({ s3, key }) =>
    expect(load(s3).notices).toMatchObject([{ level: 'warn', key: `storage.s3.${key}` }]),
  );
});
