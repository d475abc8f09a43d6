import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { jsonSchema, loadConfig } from '../../../src/registry/config/index.js';
import { UNSUPPORTED } from '../../../src/registry/config/unsupported.js';

const folder = new URL('../../../config/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const schema: unknown = JSON.parse(read('berth.schema.json'));
const forEditors = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema);

const samples = readdirSync(new URL('samples/', folder)).map((name) => `samples/${name}`);

describe.each(['default.yml', ...samples])('config/%s', (name) => {
  it('names its schema first', () =>
    expect(read(name)).toMatch(/^# yaml-language-server: \$schema=(\.\.\/)?berth\.schema\.json\n/));
  it('is loaded without a notice', () =>
    expect(loadConfig({ text: read(name), path: name, env: {} }).notices).toEqual([]));
  it('agrees with the schema for editors', () =>
    expect(forEditors.safeParse(parse(read(name))).error).toBeUndefined());
});

it('config/default.yml says what is done without a file', () => {
  const { config } = loadConfig({ text: read('default.yml'), env: {} });
  expect(config).toEqual(loadConfig({ env: {} }).config);
});

describe('config/berth.schema.json', () => {
  it('is up to date: berth config schema > config/berth.schema.json', () =>
    expect(schema).toEqual(jsonSchema()));

  it.each([
    'storage: inmemory',
    'storage: {filesystem: {rootdirectory: /d, maxthreads: 100}, cache: {layerinfo: inmemory}, redirect: {disable: true}}',
    'storage: {s3: {bucket: b, region: r, chunksize: 5242880}, maintenance: {uploadpurging: {age: 168h, interval: 24h}}}',
    'storage: {inmemory: }\nredis: {addr: "r:1", dialtimeout: 10ms, pool: {maxidle: 16, idletimeout: 300s}}',
    'storage: {inmemory: }\nredis: {addrs: ["r:1"], poolsize: 10, connmaxidletime: 1s}',
    'storage: {inmemory: }\nloglevel: debug\nhttp: {draintimeout: 1000000, headers: {A: [b], C: d}}',
    'storage: {inmemory: }\nauth: {token: {realm: "https://t.example", service: s, issuer: i, rootcertbundle: /c}}',
    'storage: {inmemory: }\nproxy: {remoteurl: "https://registry-1.docker.io", ttl: 168h}',
    'storage: {inmemory: }\nhealth: {http: [{uri: u, headers: {A: [b]}, statuscode: 200, timeout: 3s}]}',
    'storage: {inmemory: }\nnotifications: {endpoints: [{name: n, url: u, headers: {A: [b]}, timeout: 1s, threshold: 5}]}',
  ])('allows what the reference allows: %s', (text) =>
    expect(forEditors.safeParse(parse(`version: 0.1\n${text}`)).error).toBeUndefined(),
  );

  it.each([
    'storage: {filesytem: }',
    'storage: inmemory\nhttp: {draintimeout: 7d}',
    'storage: inmemory\nlog: {level: 1}',
  ])('marks what is wrong: %s', (text) =>
    expect(forEditors.safeParse(parse(`version: 0.1\n${text}`)).success).toBe(false),
  );

  it('describes every key', () => expect([...undescribed(schema, '')]).toEqual([]));
});

it('docs/configuration.md has a line for every key', () => {
  const text = readFileSync(new URL('../docs/configuration.md', folder), 'utf8');
  expect([...keysIn(schema, '')].filter((key) => !text.includes(`| \`${key}\` |`))).toEqual([]);
});

it.each(UNSUPPORTED)('docs/configuration.md says that $key does nothing', ({ key, refuse }) => {
  const text = readFileSync(new URL('../docs/configuration.md', folder), 'utf8');
  const [used = '', unused = ''] = text.split('## Read, checked, and not used yet');
  const named = (part: string) =>
    part
      .split('\n')
      .filter((line) => [`${key}\``, `${key}.`, `${key}[`].some((start) => line.startsWith(`| \`${start}`)));
  const mark = refuse ? '*(refused)*' : '*(not used)*';
  expect(named(used).filter((line) => !line.includes(mark))).toEqual([]);
  expect(named(used).length + named(unused).length).toBeGreaterThan(0);
});

type Part = {
  properties?: Record<string, Part>;
  items?: Part;
  anyOf?: Part[];
  description?: string;
  deprecated?: boolean;
};

function* undescribed(part: unknown, path: string): Generator<string> {
  for (const [key, inner] of childrenOf(part as Part)) {
    if (!inner.description) yield `${path}${key}`;
    yield* undescribed(inner, `${path}${key}.`);
  }
}

/** Dotted keys of single values; entries of lists are written `[]`. */
function* keysIn(part: unknown, path: string): Generator<string> {
  for (const [key, inner] of childrenOf(part as Part)) {
    if (inner.deprecated) {
      yield `${path}${key}`;
      continue;
    }
    const list = inner.items && childrenOf(inner.items).length > 0 ? '[]' : '';
    const below = [...keysIn(inner, `${path}${key}${list}.`)];
    if (below.length === 0) yield `${path}${key}`;
    yield* below;
  }
}

function childrenOf(part: Part): [string, Part][] {
  const own = Object.entries(part.properties ?? {});
  const others = [...(part.anyOf ?? []), ...(part.items ? [part.items] : [])];
  return [...own, ...others.flatMap(childrenOf)];
}
