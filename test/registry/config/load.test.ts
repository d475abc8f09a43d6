import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  configPath,
  formatNotice,
  loadConfig,
  renderYaml,
} from '../../../src/registry/config/index.js';

const STORAGE = 'storage: {inmemory: }';
const HTTP = 'http: {addr: ":5000"}';
function oidc(claims: string, issuer = 'https://ci.example'): string {
  const rule = `{claims: ${claims}, repositories: a, actions: [pull]}`;
  return `berth: {oidc: [{issuer: "${issuer}", audience: a, rules: [${rule}]}]}`;
}

const minimal = (more: string) => `version: 0.1\n${STORAGE}\n${more.includes('http:') ? '' : HTTP}\n${more}`;
const load = (text: string, env: NodeJS.ProcessEnv = {}) => loadConfig({ text, path: 'c.yml', env });
const config = (more: string) => load(minimal(more)).config;
const notices = (text: string) => load(text).notices.map(formatNotice);

function problems(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatNotice);
    throw error;
  }
  return [];
}

describe('configPath', () => {
  it.each([
    { argument: 'a.yml', variable: 'b.yml', path: 'a.yml' },
    { argument: undefined, variable: 'b.yml', path: 'b.yml' },
    { argument: undefined, variable: '', path: undefined },
    { argument: undefined, variable: undefined, path: undefined },
  ])('of $argument and $variable is $path', ({ argument, variable, path }) =>
    expect(configPath(argument, { REGISTRY_CONFIGURATION_PATH: variable })).toBe(path),
  );
});

describe('loadConfig', () => {
  it('has a default for use without a file', () => {
    const { config, notices } = loadConfig({ env: {} });
    expect(config.storage.filesystem?.rootdirectory).toBe('./data');
    expect(config).toMatchObject({
      log: { level: 'info', formatter: 'text' },
      storage: { delete: { enabled: true } },
      http: { addr: '127.0.0.1:5000' },
    });
    expect(notices).toEqual([]);
  });

  it("has the reference's defaults for a file that is silent", () => {
    const { config } = load('version: 0.1\nstorage: filesystem');
    expect(config).toMatchObject({
      version: '0.1',
      log: { level: 'info', formatter: 'text', accesslog: { disabled: false }, fields: {} },
      storage: {
        filesystem: { rootdirectory: '/var/lib/registry', maxthreads: 100 },
        delete: { enabled: false },
        redirect: { disable: false },
        maintenance: {
          uploadpurging: { enabled: true, age: 604_800_000, interval: 86_400_000, dryrun: false },
          readonly: { enabled: false },
        },
      },
      auth: {},
      http: {
        addr: ':5000',
        net: 'tcp',
        relativeurls: false,
        draintimeout: 60_000,
        tls: { minimumtls: 'tls1.2' },
      },
      health: { storagedriver: { enabled: false, interval: 10_000, threshold: 1 } },
      catalog: { maxentries: 1000 },
      tags: { maxtags: 1000 },
      proxy: { ttl: 604_800_000 },
    });
  });

  it("has defaults for Berth's own keys", () => {
    expect(config('').berth).toEqual({
      index: { lastpull: true, postgresql: { connections: 10, schema: 'berth' } },
      workers: 1,
      admins: [],
      groups: {},
      access: [],
      tokens: {
        enabled: false,
        issuer: 'berth',
        service: 'berth',
        lifetime: 1_800_000,
        rotation: 2_592_000_000,
      },
      robots: {},
      oidc: [],
      limits: { manifestbytes: 4_194_304, openuploads: 1000, headerbytes: 131_072 },
      gc: { enabled: false, interval: 86_400_000, grace: 86_400_000, untagged: false },
      verify: { enabled: false, interval: 604_800_000, rate: 8_388_608 },
      immutable: [],
      retention: [],
      quotas: [],
      upstreams: [],
      mirrors: [],
      notifications: { keep: 86_400_000, maxkept: 50_000, maxwaiting: 100_000, endpoints: {} },
      audit: {},
      trash: { keep: 604_800_000 },
      warnings: [],
      minfreespace: 104_857_600,
      search: true,
      trustedproxies: ['127.0.0.0/8', '::1/128'],
      stopdelay: 0,
      passwordcache: 300_000,
    });
  });

  it.each([
    {
      text: 'http: {secret: 0123}',
      value: { http: { secret: '0123' } },
      why: 'text that looks like a number',
    },
    {
      text: 'storage: {inmemory: , delete: {enabled: yes}}',
      value: { storage: { delete: { enabled: true } } },
    },
    { text: 'log: {level: WARN}', value: { log: { level: 'warn' } } },
    {
      text: 'storage: {filesystem: {maxthreads: 3}}',
      value: { storage: { filesystem: { maxthreads: 25 } } },
    },
    {
      text: 'storage: {filesystem: {maxthreads: "50"}}',
      value: { storage: { filesystem: { maxthreads: 50 } } },
    },
    {
      text: 'catalog: {maxentries: -1}',
      value: { catalog: { maxentries: 1000 } },
      why: 'zero and less: default',
    },
    { text: 'http: {headers: {X-Foo: bar}}', value: { http: { headers: { 'X-Foo': ['bar'] } } } },
    { text: 'http: {draintimeout: 1000000000}', value: { http: { draintimeout: 1000 } }, why: 'nanoseconds' },
    { text: 'http: {tls: }', value: { http: { tls: { clientcas: [] } } }, why: 'an empty section' },
    { text: 'auth: none', value: { auth: { none: {} } } },
    { text: 'auth: None', value: { auth: { none: {} } } },
    {
      text: 'validation: {manifests: {urls: {allow: ["(?i)^https:"]}}}',
      value: { validation: { manifests: { urls: { allow: ['(?i:^https:)'] } } } },
      why: "Go's flags become JavaScript's",
    },
    { text: 'berth: {minfreespace: 1GiB}', value: { berth: { minfreespace: 1_073_741_824 } } },
    {
      text: 'x: &a [v]\nhttp: {headers: {X-A: *a}}',
      value: { http: { headers: { 'X-A': ['v'] } } },
      why: 'alias',
    },
    { text: 'x: &a {addr: ":1"}\nhttp: {<<: *a}', value: { http: { addr: ':1' } }, why: 'merge key' },
    {
      text: 'http: {addr: ":1"}\nhttp: {addr: ":2"}',
      value: { http: { addr: ':2' } },
      why: 'the last one counts',
    },
  ])('reads $text', ({ text, value }) =>
    expect(load(`version: 0.1\n${text.includes('storage') ? '' : STORAGE}\n${text}`).config).toMatchObject(
      value,
    ),
  );

  it.each([
    { old: 'loglevel: debug', value: { log: { level: 'debug' } } },
    { old: 'redis: {addr: "h:1"}', value: { redis: { addrs: ['h:1'] } } },
    {
      old: 'redis: {pool: {maxidle: 1, maxactive: 2, idletimeout: 3s}}',
      value: { redis: { maxidleconns: 1, maxactiveconns: 2, connmaxidletime: 3000 } },
    },
  ])('moves the old spelling $old', ({ old, value }) => expect(config(old)).toMatchObject(value));

  it('moves layerinfo to blobdescriptor', () => {
    const { config } = load('version: 0.1\nstorage: {inmemory: , cache: {layerinfo: inmemory}}');
    expect(config.storage.cache).toEqual({ blobdescriptor: 'inmemory', blobdescriptorsize: 10_000 });
  });

  it('prefers the new spelling and says so', () => {
    const loaded = load(minimal('loglevel: debug\nlog: {level: error}'));
    expect(loaded.config.log.level).toBe('error');
    expect(loaded.notices.map(formatNotice)).toEqual([
      'c.yml:4:1: loglevel: has no effect, since log.level is set',
    ]);
  });
});

describe('an index in PostgreSQL', () => {
  const url = 'url: "postgresql://u:secret@db/x"';
  it.each([
    { text: `berth: {index: {postgresql: {${url}}, path: /x}}`, notice: 'berth.index.path: has no effect' },
    { text: 'berth: {index: {postgresql: {passwordfile: /f}}}', notice: 'has no effect without url' },
    {
      text: `auth: {htpasswd: {realm: r, path: /p}}\nberth: {index: {postgresql: {${url}}}}`,
      notice: 'http.secret: several servers need the same one',
    },
  ])('warns of $text', ({ text, notice }) => {
    const config = `version: 0.1\nstorage: {filesystem: {rootdirectory: /d}}\n${text}`;
    expect(notices(config)).toContainEqual(expect.stringContaining(notice));
  });

  it('shows no password', () => {
    const text = `version: 0.1\nstorage: {filesystem: {rootdirectory: /d}}\nberth: {index: {postgresql: {${url}}}}`;
    expect(renderYaml(load(text))).toContain('url: postgresql://u:***@db/x');
  });
});

describe('unknown keys', () => {
  it.each([
    { text: 'logs: {}', notice: 'c.yml:4:1: logs: unknown key, did you mean log?' },
    {
      text: 'health: {\n  storagedrvier: {}}',
      notice: 'health.storagedrvier: unknown key, did you mean health.storagedriver?',
    },
    { text: 'log: {Level: info}', notice: 'log.Level: unknown key, did you mean log.level?' },
    { text: 'zebra: 1', notice: 'zebra: unknown key, ignored' },
    { text: 'health: {tcp: [{addr: "a:1", intervall: 1s}]}', notice: 'did you mean health.tcp.0.interval?' },
  ])('are warned about: $text', ({ text, notice }) => {
    expect(notices(minimal(text))).toEqual([expect.stringContaining(notice)]);
  });

  it.each([
    { text: minimal('berth: {acces: []}'), problem: 'berth.acces: unknown key, did you mean berth.access?' },
    {
      text: minimal('auth: {htpaswd: {}}'),
      problem: 'auth.htpaswd: unknown key, did you mean auth.htpasswd?',
    },
    {
      text: 'version: 0.1\nstorage: {filesytem: }',
      problem: 'unknown key, did you mean storage.filesystem?',
    },
  ])('stop the start: $problem', ({ text, problem }) =>
    expect(problems(text)).toContainEqual(expect.stringContaining(problem)),
  );
});

describe('problems', () => {
  it.each([
    { text: '', problem: 'version: is required' },
    { text: 'version: 0.2\nstorage: inmemory', problem: 'c.yml:1:1: version: must be 0.1, not "0.2"' },
    { text: 'version: 0.1', problem: 'storage: must name a driver' },
    { text: '- 1', problem: 'must be a map of keys' },
    {
      text: 'a: [',
      problem: 'c.yml:1:5: the indentation does not fit what is above it, or a closing bracket is missing',
    },
    { text: 'a: @b', problem: 'c.yml:1:4: text cannot begin with this character' },
    { text: 'a: *b', problem: 'c.yml:1:1: an alias (*name) has no anchor' },
    { text: '? [a]\n: b', problem: 'a key must be plain text' },
    { text: 'a: &a [*a]', problem: 'grows too large' },
    {
      text: 'version: 0.1\nstorage: {filesystem: , inmemory: }',
      problem: 'exactly one driver, not filesystem and inmemory',
    },
    {
      text: 'version: 0.1\nstorage: {filesystem: {rootdirectory: ""}}',
      problem: 'rootdirectory: must not be empty',
    },
    {
      text: 'version: 0.1\nstorage: {filesystem: {maxthreads: many}}',
      problem: 'must be a whole number, not "many"',
    },
    { text: 'version: 0.1\nstorage: [a]', problem: 'storage: must be text or a map, not a list' },
    {
      text: minimal('log: {level: loud}'),
      problem: 'c.yml:4:7: log.level: must be error, warn, info or debug, not "loud"',
    },
    {
      text: minimal('log: {formatter: xml}'),
      problem: 'log.formatter: must be text, json or logstash, not "xml"',
    },
    { text: minimal('http: {relativeurls: maybe}'), problem: 'must be true or false, not "maybe"' },
    { text: minimal('http: {draintimeout: 60}\nlog:\n  level: 7'), problem: 'c.yml:6:3: log.level' },
    { text: minimal('health: {tcp: [{interval: 1}]}'), problem: 'health.tcp.0.addr: is required' },
    { text: minimal('health: {storagedriver: {interval: -1s}}'), problem: 'must not be negative, not "-1s"' },
    { text: minimal('auth: {htpasswd: {path: /p}}'), problem: 'auth.htpasswd.realm: is required' },
    { text: minimal('auth: {token: {realm: r}}'), problem: 'auth.token.service: is required' },
    {
      text: minimal('auth: {token: {realm: "https://t.example", service: s, issuer: i}}'),
      problem: 'auth.token.rootcertbundle: is required, or auth.token.jwks',
    },
    {
      text: minimal(
        'auth: {token: {realm: "https://t.example", service: s, issuer: i, jwks: /k, signingalgorithms: [HS256]}}',
      ),
      problem: 'auth.token.signingalgorithms: must be of EdDSA, RS256',
    },
    {
      text: minimal('berth: {tokens: {enabled: true}}'),
      problem:
        'berth.tokens.enabled: needs somebody who can log in: auth.htpasswd, berth.robots or berth.oidc',
    },
    {
      text: minimal('auth: none\nberth: {robots: {path: /r}}'),
      problem: 'berth.robots.path: does not go with auth.none',
    },
    {
      text: minimal(
        'auth: {token: {realm: "https://t.example", service: s, issuer: i, jwks: /k}}\nberth: {tokens: {enabled: true}}',
      ),
      problem: 'berth.tokens.enabled: does not go with auth.token',
    },
    {
      text: minimal('berth: {tokens: {service: "a b"}}'),
      problem: 'berth.tokens.service: must be of letters, digits',
    },
    {
      text: minimal('berth: {tokens: {service: bearers.example}}'),
      problem: 'berth.tokens.service: must not contain basic or bearer',
    },
    {
      text: minimal(oidc('{repository: org/*}')),
      problem: 'berth.oidc: needs berth.tokens.enabled',
    },
    { text: minimal(oidc('{}')), problem: 'berth.oidc.0.rules.0.claims: must name a claim with more than' },
    {
      text: minimal(oidc('{repository: ["org/*", "**"], ref: "*/*"}')),
      problem: 'berth.oidc.0.rules.0.claims: must name a claim with more than wildcards',
    },
    {
      text: minimal(oidc('{a: b}', 'ftp://ci.example')),
      problem: 'berth.oidc.0.issuer: must begin with https://',
    },
    {
      text: minimal('auth: {htpasswd: {realm: r, path: /p}, none: }'),
      problem: 'at most one scheme, not htpasswd and none',
    },
    {
      text: minimal('http: {tls: {certificate: /c}}'),
      problem: 'http.tls.key: is required with http.tls.certificate',
    },
    {
      text: minimal('http: {tls: {certificate: /c, key: /k, clientauth: verify-client-cert-if-given}}'),
      problem: 'http.tls.clientcas: is required with clientauth verify-client-cert-if-given',
    },
    { text: minimal('http: {addr: "localhost"}'), problem: 'http.addr: must be <host>:<port>' },
    { text: minimal('http: {addr: ":65536"}'), problem: 'http.addr: must be <host>:<port>' },
    { text: minimal('http: {addr: "::1:5000"}'), problem: 'http.addr: must be <host>:<port>' },
    { text: minimal('http: {debug: {addr: "5001"}}'), problem: 'http.debug.addr: must be <host>:<port>' },
    {
      text: minimal('http: {addr: "[::1]:5000", debug: {addr: "[::1]:5000"}}'),
      problem: 'http.debug.addr: is the address of the registry itself',
    },
    { text: minimal('http: {prefix: x/}'), problem: 'http.prefix: must begin with a slash' },
    {
      text: minimal('http: {headers: {"X Y": [a]}}'),
      problem: 'http.headers.X Y: is not the name of a header: U+0020 (a space) cannot be in it',
    },
    {
      text: minimal('http: {headers: {X-Y: ["a\\nb"]}}'),
      problem: 'http.headers.X-Y: no header can carry U+000A',
    },
    {
      text: minimal('http: {headers: {X-Y: [a, "to → b"]}}'),
      problem: 'http.headers.X-Y.1: no header can carry U+2192',
    },
    {
      text: minimal('health: {http: [{uri: "db:8080"}]}'),
      problem: 'health.http.0.uri: must be a URL such as',
    },
    {
      text: minimal('health: {tcp: [{addr: db}]}'),
      problem: 'health.tcp.0.addr: must be an address such as',
    },
    {
      text: minimal('validation: {manifests: {urls: {deny: ["("]}}}'),
      problem: 'urls.deny.0: must be a regular expression',
    },
    {
      text: minimal('berth: {access: [{pull: ["*"]}]}'),
      problem: 'berth.access.0.repositories: is required',
    },
    {
      text: minimal('berth: {access: [{repositories: [], pull: ["*"]}]}'),
      problem: 'repositories: must not be empty',
    },
    {
      text: minimal('berth: {access: [{repositories: a, pull: ["@devs"]}]}'),
      problem: 'there is no group devs',
    },
    {
      text: minimal('berth: {admins: ["*"]}'),
      problem: 'berth.admins.0: must be a user or a @group, not "*"',
    },
    { text: minimal('berth: {trustedproxies: [10.0.0.0/33]}'), problem: 'must be an address or a network' },
    {
      text: minimal(
        'berth: {index: {lastpull: false}, retention: [{repositories: a, keep: [{pulledwithin: 1h}]}]}',
      ),
      problem: 'berth.retention.0.keep: pulledwithin needs berth.index.lastpull',
    },
    {
      text: minimal('http: {addr: ":5000", debug: {addr: "127.0.0.1:5000"}}'),
      problem: 'http.debug.addr: is the address of the registry itself',
    },
    {
      text: minimal('berth: {index: {postgresql: {url: "mysql://db/x"}}}'),
      problem: 'berth.index.postgresql.url: must be a URL such as postgresql://',
    },
    {
      text: minimal('berth: {index: {postgresql: {url: "postgresql://db/x?password=y"}}}'),
      problem: 'berth.index.postgresql.url: its password goes before the @',
    },
    {
      text: minimal('berth: {index: {postgresql: {url: "postgresql://u:p@db/x", passwordfile: f}}}'),
      problem: 'berth.index.postgresql.passwordfile: does not go with a password in url',
    },
    {
      text: minimal('berth: {index: {postgresql: {schema: Berth-1}}}'),
      problem: 'berth.index.postgresql.schema: must be of at most 31 lower case',
    },
    { text: minimal('berth: {limits: {openuploads: 0}}'), problem: 'must be at least 1, not "0"' },
    { text: minimal('berth: {limits: {manifestbytes: big}}'), problem: 'must be a size such as 4MiB' },
  ])('name what would do: $problem', ({ text, problem }) =>
    expect(problems(text)).toContainEqual(expect.stringContaining(problem)),
  );

  it('are all listed, from top to bottom', () => {
    expect(problems(minimal('log: {level: a}\nhttp: {relativeurls: b, net: c}'))).toEqual([
      expect.stringContaining('c.yml:4:7'),
      expect.stringContaining('c.yml:5:8'),
      expect.stringContaining('c.yml:5:25'),
    ]);
  });

  it('come with the notices that may explain them', () => {
    expect(() => load(minimal('auth: {htpasswd: {relm: r, path: /p}}'))).toThrow(
      expect.objectContaining({ notices: [expect.objectContaining({ key: 'auth.htpasswd.relm' })] }),
    );
  });

  it('never show a secret', () => {
    const text = minimal(
      'redis: {password: [hunter2], db: hunter3}\nproxy: {remoteurl: [x], password: {hunter2: 1}}',
    );
    expect(problems(text).join()).not.toContain('hunter2');
    expect(problems(minimal('http: {secret: *hunter2}')).join()).not.toContain('hunter2');
    expect(problems(minimal('http: {secret: !hunter2 {}}')).join()).not.toContain('hunter2');
  });
});

describe('keys without effect', () => {
  it.each([
    {
      text: 'http: {addr: ":1", debug: {prometheus: {enabled: true}}}',
      key: 'http.debug.prometheus.enabled',
    },
    {
      text: 'http: {addr: ":1", tls: {clientauth: require-and-verify-client-cert}}',
      key: 'http.tls.clientauth',
    },
    { text: 'http: {addr: ":1", tls: {key: /k}}', key: 'http.tls.key' },
    {
      text: 'http: {addr: ":1", tls: {certificate: /c, key: /k, minimumtls: tls1.3, ciphersuites: [a]}}',
      key: 'http.tls.ciphersuites',
    },
    { text: 'http: {addr: ":1", host: here}', key: 'http.host' },
    { text: 'catalog: {maxentries: 0}', key: 'catalog.maxentries' },
    { text: 'tags: {maxtags: -1}', key: 'tags.maxtags' },
  ])('are warned about: $text', ({ text, key }) =>
    expect(load(minimal(text)).notices.filter(({ level }) => level === 'warn')).toMatchObject([{ key }]),
  );
});

describe('what is not supported yet', () => {
  it.each([
    { text: 'version: 0.1\nstorage: {gcs: {bucket: b}}', key: 'storage.gcs' },
    { text: 'version: 0.1\nstorage: {azure: }', key: 'storage.azure' },
    { text: 'version: 0.1\nstorage: swift', key: 'storage.swift' },
    { text: minimal('auth: silly'), key: 'auth.silly' },
    { text: minimal('http: {tls: {letsencrypt: {cachefile: /c}}}'), key: 'http.tls.letsencrypt' },
  ])('stops the start where it matters: $key', ({ text, key }) =>
    expect(problems(text)).toContainEqual(expect.stringMatching(`${key}: .*not supported yet`)),
  );

  it.each([
    { text: 'middleware: {storage: [{name: redirect, options: {baseurl: u}}]}', key: 'middleware.storage' },
    { text: 'redis: {addr: "localhost:6379"}', key: 'redis' },
    { text: 'log: {hooks: [{type: mail, levels: [panic]}]}', key: 'log.hooks' },
    { text: 'reporting: {bugsnag: {apikey: k}}', key: 'reporting' },
    { text: 'http: {addr: ":1", h2c: {enabled: true}}', key: 'http.h2c.enabled' },
    { text: 'policy: {repository: {classes: [image]}}', key: 'policy.repository.classes' },
    { text: 'compatibility: {schema1: {enabled: true}}', key: 'compatibility.schema1.enabled' },
  ])('is warned about and ignored elsewhere: $key', ({ text, key }) =>
    expect(load(minimal(text)).notices.filter(({ level }) => level === 'warn')).toMatchObject([{ key }]),
  );

  it.each([
    'proxy: {remoteurl: ""}',
    'http: {addr: ":1", h2c: {enabled: false}}',
    'redis:',
    'compatibility: {schema1: {signingkeyfile: /k, enabled: false}}',
  ])('does not matter when it is off: %s', (text) => expect(notices(minimal(text))).toEqual([]));
});

describe('endpoints of events', () => {
  const endpoint = (more: string) => `notifications: {endpoints: [{name: ci, ${more}}]}`;
  const ours = (more: string) =>
    `${endpoint('url: "https://ci.example"')}\nberth: {notifications: {endpoints: {${more}}}}`;

  it.each([
    { text: endpoint('url: ci.example'), key: 'notifications.endpoints.0.url' },
    { text: endpoint('timeout: 1s'), key: 'notifications.endpoints.0.url' },
    { text: ours('other: {actions: [push]}'), key: 'berth.notifications.endpoints.other' },
    { text: ours('ci: {actions: [poke]}'), key: 'berth.notifications.endpoints.ci.actions.0' },
    { text: ours('ci: {signing: {secret: a, file: b}}'), key: 'berth.notifications.endpoints.ci.signing' },
  ])('cannot be $text', ({ text, key }) =>
    expect(problems(minimal(text))).toMatchObject([expect.stringContaining(`${key}: `)]),
  );

  it('may be anything where they are disabled', () =>
    expect(notices(minimal(endpoint('disabled: true')))).toEqual([]));

  it('are told of actions that there are not', () =>
    expect(notices(minimal(endpoint('url: "http://a", ignore: {actions: [pulls]}')))).toContainEqual(
      expect.stringContaining('there is no action pulls'),
    ));
});

describe('copies of other registries', () => {
  const upstream = (more: string) => `berth: {upstreams: [{url: "https://a.example", prefix: a, ${more}}]}`;

  it.each([
    { text: 'proxy: {remoteurl: "https://a.example/path"}', key: 'proxy.remoteurl' },
    { text: 'proxy: {remoteurl: "https://u:p@a.example"}', key: 'proxy.remoteurl' },
    { text: 'proxy: {remoteurl: "ftp://a.example"}', key: 'proxy.remoteurl' },
    { text: 'proxy: {remoteurl: "https://a.example", username: u}', key: 'proxy.password' },
    { text: 'proxy: {remoteurl: a.example, exec: {command: /bin/sh}}', key: 'proxy.exec.command' },
    { text: 'berth: {upstreams: [{url: "https://a.example", prefix: A}]}', key: 'berth.upstreams.0.prefix' },
    { text: upstream('password: p'), key: 'berth.upstreams.0.username' },
    { text: 'proxy: {remoteurl: "http://localhost:5000"}\nhttp: {addr: ":5000"}', key: 'proxy.remoteurl' },
    {
      text: 'http: {addr: ":5000", host: "https://own.example"}\nberth: {upstreams: [{url: own.example}]}',
      key: 'berth.upstreams.0.url',
    },
    {
      text: 'proxy: {remoteurl: "https://a.example"}\nberth: {upstreams: [{url: "https://b.example"}]}',
      key: 'berth.upstreams.0',
    },
    {
      text: 'berth: {upstreams: [{url: a.example, prefix: a, namespaces: [n]}, {url: b.example, prefix: b, namespaces: [n]}]}',
      key: 'berth.upstreams.1.namespaces',
    },
    {
      text: 'berth: {mirrors: [{name: m, url: "https://a.example/x", repositories: a}]}',
      key: 'berth.mirrors.0.url',
    },
    {
      text: 'berth: {mirrors: [{name: m, url: a.example, repositories: a}, {name: m, url: a.example, repositories: b}]}',
      key: 'berth.mirrors.1.name',
    },
    {
      text: 'berth: {upstreams: [{url: a.example, prefix: a}], mirrors: [{name: m, url: a.example, prefix: a/b, repositories: c}]}',
      key: 'berth.mirrors.0.prefix',
    },
    { text: 'berth: {index: {lastpull: false}, upstreams: [{url: a.example}]}', key: 'berth.upstreams.0' },
  ])('are refused where they cannot be: $text', ({ text, key }) =>
    expect(problems(minimal(text))).toEqual([expect.stringContaining(`${key}: `)]),
  );

  it.each(['registry-1.docker.io', 'http://10.0.0.1:5000', 'https://a.example/'])('are of %s', (url) =>
    expect(notices(minimal(`http: {addr: ":1"}\nproxy: {remoteurl: "${url}"}`))).toEqual([]),
  );
});

describe('contradictions that the reference starts with', () => {
  it.each([
    { text: 'http: {host: example.com}', key: 'http.host' },
    { text: 'http: {tls: {key: /k}}', key: 'http.tls.key' },
    { text: 'http: {tls: {clientcas: [/c]}}', key: 'http.tls.clientcas' },
    { text: 'berth: {access: [{repositories: a, pull: [bob]}]}', key: 'berth.access' },
    { text: 'berth: {admins: [bob]}', key: 'berth.admins' },
  ])('are warned about: $text', ({ text, key }) =>
    expect(load(minimal(text)).notices).toContainEqual(expect.objectContaining({ level: 'warn', key })),
  );
});
