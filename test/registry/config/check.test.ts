import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkConfig, printSchema } from '../../../src/cli/config.js';
import { jsonSchema, loadConfig, renderYaml } from '../../../src/registry/config/index.js';
import { debianConfig } from '../../support/debian-registry.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function check(
  text: string,
  options: { strict?: boolean; format?: 'json' } = {},
  env: NodeJS.ProcessEnv = {},
) {
  const file = join(folder, 'c.yml');
  await writeFile(file, text);
  const out: string[] = [];
  const err: string[] = [];
  const stdout = { write: (text: string) => out.push(text) };
  const stderr = { write: (text: string) => err.push(text) };
  const code = await checkConfig(file, { ...options, env, stdout, stderr });
  return { code, out: out.join('').replaceAll(file, 'c.yml'), err: err.join('').replaceAll(file, 'c.yml') };
}

const TLS = 'version: 0.1\nstorage: {inmemory: }\nhttp: {addr: ":5000", tls: {';
const GOOD = 'version: 0.1\nstorage: {inmemory: }\nhttp: {addr: ":5000"}\n';

describe('berth config check', () => {
  it('prints each value and where it comes from', async () => {
    const { code, out, err } = await check(GOOD, {}, { REGISTRY_HTTP_NET: 'tcp' });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('http:\n  addr: :5000 # c.yml:3:8\n  net: tcp # environment REGISTRY_HTTP_NET\n');
    expect(out).toContain('passwordcache: 5m # default');
    expect(out).toContain('minfreespace: 100MiB # default');
  });

  it.each([
    { text: 'redis: {password: hunter2, sentinelpassword: hunter2}' },
    { text: 'http: {addr: ":1", secret: hunter2}' },
    {
      text: 'health: {http: [{uri: "http://u", headers: {Authorization: [hunter2], X-Api-Token: hunter2}}]}',
    },
    { text: 'proxy: {username: u, password: hunter2}' },
    { text: 'log: {hooks: [{options: {smtp: {password: hunter2}}}]}' },
    { text: 'reporting: {bugsnag: {apikey: hunter2}, newrelic: {licensekey: hunter2}}' },
    { text: 'notifications: {endpoints: [{url: "https://u:hunter2@example.com/"}]}' },
    {
      text: 'notifications: {endpoints: [{url: "https://a/?x=1&token=hunter2", headers: {X-Own: [hunter2]}}]}',
    },
    {
      text: 'notifications: {endpoints: [{name: n, url: "https://a/"}]}\nberth: {notifications: {endpoints: {n: {signing: {secret: hunter2}}}}}',
    },
    {
      text: 'middleware: {storage: [{name: cloudfront, options: {privatekey: hunter2, credentials: {a: hunter2}}}]}',
    },
  ])('never prints a secret: $text', async ({ text }) => {
    for (const format of [{}, { format: 'json' } as const]) {
      const { code, out, err } = await check(`${GOOD.replace(/http.*\n/, '')}${text}`, format);
      expect(code).toBe(0);
      expect(out).toContain('***');
      expect(out + err).not.toContain('hunter2');
    }
  });

  it('prints JSON for programs', async () => {
    const { out } = await check(`${GOOD}zebra: 1`, { format: 'json' });
    expect(JSON.parse(out)).toMatchObject({
      config: { http: { addr: ':5000' }, berth: { passwordcache: '5m' } },
      origins: { 'http.addr': 'c.yml:3:8', 'log.level': 'default' },
      notices: [{ level: 'warn', key: 'zebra' }],
    });
  });

  it.each([
    { text: GOOD, strict: true, code: 0, err: '' },
    {
      text: `${GOOD}zebra: 1`,
      strict: false,
      code: 0,
      err: 'warn: c.yml:4:1: zebra: unknown key, ignored\n',
    },
    { text: `${GOOD}zebra: 1`, strict: true, code: 1, err: 'warn: c.yml:4:1: zebra: unknown key, ignored\n' },
    { text: 'version: 0.1\nstorage: inmemory', strict: true, code: 0, err: 'info: http.addr: is not set' },
    {
      text: 'version: 2\nstorage: inmemory',
      strict: false,
      code: 1,
      err: 'error: c.yml:1:1: version: must be 0.1',
    },
  ])('exits with $code for $err (strict: $strict)', async ({ text, strict, code, err }) => {
    const result = await check(text, { strict });
    expect(result.code).toBe(code);
    expect(result.err).toContain(err);
  });

  it.each([
    {
      text: `${TLS}certificate: /nowhere/a.crt, key: /nowhere/a.key}}`,
      err: 'error: c.yml:3:29: http.tls.certificate: cannot read /nowhere/a.crt: there is no such file',
    },
    {
      text: `${TLS}certificate: /, key: /}}`,
      err: 'error: c.yml:3:29: http.tls.certificate: cannot read /: it is a directory',
    },
    {
      text: `${GOOD}auth: {htpasswd: {realm: r, path: /dev/null/htpasswd}}`,
      err: 'error: c.yml:4:29: auth.htpasswd.path: cannot read users from /dev/null/htpasswd: not a directory',
    },
    {
      text: 'version: 0.1\nstorage: {filesystem: {rootdirectory: /etc/passwd}}',
      err: 'error: c.yml:2:24: storage.filesystem.rootdirectory: /etc/passwd is no directory',
    },
    {
      text: `${GOOD}berth: {access: [{repositories: "a/**b", pull: ["@nobody"]}]}`,
      err: 'berth.access',
    },
    {
      text: `${GOOD}notifications: {endpoints: [{name: ci, url: "http://a"}]}\nberth: {notifications: {endpoints: {ci: {signing: {file: /nowhere/s}}}}}`,
      err: 'berth.notifications.endpoints.ci.signing.file: cannot read /nowhere/s',
    },
  ])('tries what the start would do: $err', async ({ text, err }) => {
    const result = await check(text);
    expect(result).toMatchObject({ code: 1, out: '', err: expect.stringContaining(err) });
  });

  it('says all that is wrong at once', async () => {
    const { code, out, err } = await check(`version: 0.1
storage: {filesystem: {rootdirectory: /etc/passwd}}
log: {level: loud}
http:
  addr: ":70000"
  headers: {X-A: [ok, "a\\nb"], X-B: "ä → b"}
auth: {htpasswd: {realm: [a], path: /dev/null/htpasswd}}
berth:
  access: [{repositories: ["a["], pull: [anonymous]}, {repositories: [b, "c["], pull: ["@none"]}]
  immutable: [{repositories: "**", tags: ["d["]}]
`);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err.split('\n').map((line) => /: ([a-z]+\.[\w.-]+): /i.exec(line)?.[1])).toEqual([
      'log.level',
      'http.addr',
      'http.headers.X-A.1',
      'http.headers.X-B',
      'auth.htpasswd.realm',
      'berth.access.1.pull',
      'berth.access.0.repositories.0',
      'berth.access.1.repositories.1',
      'berth.immutable.0.tags.0',
      'storage.filesystem.rootdirectory',
      undefined,
    ]);
  });

  it("warns of Debian's untouched configuration, whose password file is a directory", async () => {
    const text = debianConfig({
      root: '/var/lib/docker-registry',
      address: ':5000',
      auth: { htpasswd: { realm: 'basic-realm', path: folder } },
    });
    const { code, err } = await check(text, { strict: true });
    expect(err).toContain('auth.htpasswd.path: the password file is a directory: nobody can log in');
    expect(code).toBe(1);
    expect((await check(text)).code).toBe(0);
  });

  it('tells that a missing password file will be made, and makes none', async () => {
    const path = join(folder, 'none');
    const { code, err } = await check(`${GOOD}auth: {htpasswd: {realm: r, path: ${path}}}`, { strict: true });
    expect(code).toBe(0);
    expect(err).toMatch(/^info: .*none is missing; the start makes it/);
    expect(existsSync(path)).toBe(false);
  });

  it('says that it cannot read a file', async () => {
    const err: string[] = [];
    const stderr = { write: (text: string) => err.push(text) };
    expect(await checkConfig(join(folder, 'none.yml'), { env: {}, stderr })).toBe(1);
    expect(err.join('')).toMatch(/^error: cannot read .*none.yml: there is no such file\n$/);
  });
});

describe('the printed configuration', () => {
  it.each([
    GOOD,
    `${GOOD}log: {fields: {a: "x: y # z", "b.c": "1", d: "two\\nlines", e: 1.5, f: null}, hooks: [{type: mail, levels: [panic]}]}`,
    `${GOOD}health: {http: [{uri: "http://u", interval: 1h30m, headers: {A: [b, c]}}], tcp: [{addr: "a:1", timeout: 10ns}]}`,
    `${GOOD}berth: {groups: {devs: [bob]}, access: [{repositories: "a/*", pull: ["@devs", "*"]}], minfreespace: 1500}`,
  ])('means the same when loaded again: %s', (text) => {
    const loaded = loadConfig({ text, env: {} });
    expect(loadConfig({ text: renderYaml(loaded), env: {} }).config).toEqual(loaded.config);
  });
});

it('berth config schema prints the schema', () => {
  const out: string[] = [];
  printSchema({ write: (text: string) => out.push(text) });
  expect(JSON.parse(out.join(''))).toEqual(jsonSchema());
});
