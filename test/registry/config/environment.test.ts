import { describe, expect, it } from 'vitest';
import { ConfigError, formatNotice, loadConfig } from '../../../src/registry/config/index.js';

const FILE = `
version: 0.1
storage:
  filesystem:
    rootdirectory: /from/file
  delete: {enabled: true}
  maintenance:
    uploadpurging: {enabled: true, age: 1h}
http:
  addr: :5000
  headers:
    X-Old: [file]
health:
  tcp:
    - addr: one:1
`;
const load = (env: NodeJS.ProcessEnv, text = FILE) => loadConfig({ text, path: 'c.yml', env });
const notices = (env: NodeJS.ProcessEnv) => load(env).notices.map(formatNotice);

describe('REGISTRY_* variables', () => {
  it.each([
    { env: { REGISTRY_HTTP_ADDR: ':6000' }, value: { http: { addr: ':6000' } }, why: 'the environment wins' },
    { env: { REGISTRY_HTTP_ADDR: '' }, value: { http: { addr: ':5000' } }, why: 'empty means the default' },
    {
      env: { REGISTRY_HTTP_ADDR: '[::1]:5000' },
      value: { http: { addr: '[::1]:5000' } },
      why: 'text that is no YAML',
    },
    {
      env: { REGISTRY_HTTP_SECRET: '0123' },
      value: { http: { secret: '0123' } },
      why: 'text that looks like a number',
    },
    { env: { REGISTRY_LOG_ACCESSLOG_DISABLED: 'true' }, value: { log: { accesslog: { disabled: true } } } },
    { env: { REGISTRY_LOGLEVEL: 'debug' }, value: { log: { level: 'debug' } }, why: 'an old spelling' },
    {
      env: { REGISTRY_HTTP_TLS_CLIENTCAS: '[a, b]' },
      value: { http: { tls: { clientcas: ['a', 'b'] } } },
      why: 'a list',
    },
    {
      env: { REGISTRY_HEALTH_STORAGEDRIVER: '{enabled: true, interval: 5s}' },
      value: { health: { storagedriver: { enabled: true, interval: 5000 } } },
      why: 'a map',
    },
    {
      env: { REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_AGE: '2h' },
      value: { storage: { maintenance: { uploadpurging: { enabled: true, age: 7_200_000 } } } },
      why: 'one key of a section',
    },
    {
      env: { REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES: 'true' },
      value: { notifications: { events: { includereferences: true } } },
      why: "the name in the reference's source",
    },
    {
      env: { REGISTRY_NOTIFICATIONS_EVENTS_INCLUDEREFERENCES: 'true' },
      value: { notifications: { events: { includereferences: true } } },
      why: 'the name in the file',
    },
    { env: { REGISTRY_HEALTH_FILECHECKERS_0_FILE: '/f' }, value: { health: { file: [{ file: '/f' }] } } },
    { env: { REGISTRY_HEALTH_FILE_0_FILE: '/f' }, value: { health: { file: [{ file: '/f' }] } } },
    {
      env: { REGISTRY_HEALTH_HTTPCHECKERS_0_URI: 'http://u' },
      value: { health: { http: [{ uri: 'http://u' }] } },
    },
    {
      env: { REGISTRY_HEALTH_TCPCHECKERS_0_TIMEOUT: '1s' },
      value: { health: { tcp: [{ addr: 'one:1', timeout: 1000 }] } },
      why: 'an entry of a list',
    },
    {
      env: { REGISTRY_HEALTH_TCP_1_ADDR: 'two:2' },
      value: { health: { tcp: [{ addr: 'one:1' }, { addr: 'two:2' }] } },
      why: 'one more entry',
    },
    {
      env: { REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR: 'm:25' },
      value: { log: { hooks: [{ options: { smtp: { addr: 'm:25' } } }] } },
    },
    {
      env: { REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY: '/k' },
      value: { compatibility: { schema1: { signingkeyfile: '/k' } } },
    },
    { env: { REGISTRY_REDIS_ADDRS_0: 'r:1' }, value: { redis: { addrs: ['r:1'] } }, why: 'v3' },
    { env: { REGISTRY_REDIS_ADDR: 'r:1' }, value: { redis: { addrs: ['r:1'] } }, why: 'v2' },
    {
      env: { 'REGISTRY_HTTP_HEADERS_X-Foo': '[bar]' },
      value: { http: { headers: { 'X-Old': ['file'], 'X-Foo': ['bar'] } } },
      why: 'header names keep their case',
    },
    {
      env: { 'REGISTRY_HTTP_HEADERS_X-OLD': '[env]' },
      value: { http: { headers: { 'X-Old': ['env'] } } },
      why: 'existing keys of maps are found in any case',
    },
    {
      env: { REGISTRY_LOG_FIELDS_SITE: 'a' },
      value: { log: { fields: { site: 'a' } } },
      why: 'new keys are lower case',
    },
    { env: { REGISTRY_AUTH: 'none' }, value: { auth: { none: {} } } },
    {
      env: {
        REGISTRY_AUTH: 'htpasswd',
        REGISTRY_AUTH_HTPASSWD_REALM: 'r',
        REGISTRY_AUTH_HTPASSWD_PATH: '/p',
      },
      value: { auth: { htpasswd: { realm: 'r', path: '/p' } } },
    },
    { env: { REGISTRY_BERTH_LIMITS_OPENUPLOADS: '5' }, value: { berth: { limits: { openuploads: 5 } } } },
    { env: { REGISTRY_BERTH_GROUPS_DEVS: '[bob]' }, value: { berth: { groups: { devs: ['bob'] } } } },
    { env: { REGISTRY_BERTH_ADMINS_0: 'alice' }, value: { berth: { admins: ['alice'] } } },
    {
      env: { REGISTRY_BERTH_ACCESS: '[{repositories: a/*, pull: [anonymous]}]' },
      value: { berth: { access: [{ repositories: ['a/*'], pull: ['anonymous'], push: [], delete: [] }] } },
    },
  ])('set values: $env', ({ env, value }) =>
    expect(load(env as NodeJS.ProcessEnv).config).toMatchObject(value),
  );

  it('replace a section before they refine it, whatever their order', () => {
    const { config } = load({
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/from/env',
      REGISTRY_STORAGE: 'filesystem',
    });
    expect(config.storage.filesystem?.rootdirectory).toBe('/from/env');
    expect(config.storage.delete.enabled).toBe(false);
  });

  it('replace the whole storage section', () => {
    const { config } = load({ REGISTRY_STORAGE: 'inmemory' });
    expect(config.storage).toMatchObject({ inmemory: {}, delete: { enabled: false } });
    expect(config.storage.filesystem).toBeUndefined();
  });

  it('refine what the file says in one word', () => {
    const { config } = load({ REGISTRY_STORAGE_DELETE_ENABLED: 'true' }, 'version: 0.1\nstorage: inmemory');
    expect(config.storage).toMatchObject({ inmemory: {}, delete: { enabled: true } });
  });

  it('do without a file', () => {
    const { config } = loadConfig({ env: { REGISTRY_LOGLEVEL: 'debug', REGISTRY_HTTP_ADDR: ':1' } });
    expect(config).toMatchObject({
      log: { level: 'debug' },
      http: { addr: ':1' },
      storage: { delete: { enabled: true } },
    });
  });

  it.each([
    { name: 'REGISTRY_CONFIGURATION_PATH', why: 'names the file' },
    { name: 'REGISTRYHTTP_ADDR', why: 'another name' },
    { name: 'registry_http_addr', why: 'lower case' },
  ])('do not include $name: $why', ({ name }) => expect(notices({ [name]: 'x' })).toEqual([]));

  it.each([
    { name: 'REGISTRY_VERSION', notice: 'version cannot be overridden; ignored' },
    { name: 'REGISTRY_HTTP_ADRR', notice: 'did you mean REGISTRY_HTTP_ADDR?' },
    { name: 'REGISTRY_HTPP_ADDR', notice: 'did you mean REGISTRY_HTTP_ADDR?' },
    {
      name: 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIR',
      notice: 'did you mean REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY?',
    },
    {
      name: 'REGISTRY_HEALTH_FILECHECKER_0_FILE',
      notice: 'did you mean REGISTRY_HEALTH_FILECHECKERS_0_FILE?',
    },
    { name: 'REGISTRY_BERTH_MINFRESPACE', notice: 'did you mean REGISTRY_BERTH_MINFREESPACE?' },
    { name: 'REGISTRY_ZEBRA', notice: 'unknown variable, ignored' },
    { name: 'REGISTRY_HTTP_ADDR_PORT', notice: 'http.addr is a single value' },
    { name: 'REGISTRY_', notice: 'unknown variable' },
  ])('that are unknown are warned about: $name', ({ name, notice }) => {
    expect(load({ [name]: '1' }).notices).toMatchObject([{ level: 'warn', key: name }]);
    expect(notices({ [name]: '1' })[0]).toContain(notice);
  });

  it.each([
    { name: 'REGISTRY_SERVICE_HOST', value: '10.0.0.1' },
    { name: 'REGISTRY_SERVICE_PORT_HTTP', value: '5000' },
    { name: 'REGISTRY_PORT', value: 'tcp://10.0.0.1:5000' },
    { name: 'REGISTRY_PORT_5000_TCP_ADDR', value: '10.0.0.1' },
    { name: 'REGISTRY_STORAGE_SERVICE_HOST', value: '10.0.0.1' },
  ])("that come from Kubernetes' service links are let be: $name", ({ name, value }) =>
    expect(load({ [name]: value }).notices).toMatchObject([{ level: 'info', key: name }]),
  );

  it.each([
    { env: { REGISTRY_HEALTH_TCP_X_ADDR: 'a' }, problem: 'must have a number after REGISTRY_HEALTH_TCP' },
    { env: { REGISTRY_HEALTH_TCP_2_ADDR: 'a' }, problem: 'skips entries: the next one is number 1' },
    { env: { 'REGISTRY_HEALTH_TCP_-1_ADDR': 'a' }, problem: 'must have a number' },
    { env: { REGISTRY_STORAGE_INMEMORY: '{}' }, problem: 'exactly one driver, not filesystem and inmemory' },
    {
      env: { REGISTRY_HTTP_TLS_CLIENTCAS: '/ca.pem' },
      problem: 'http.tls.clientcas: must be a list, not "/ca.pem"',
    },
    {
      env: { REGISTRY_HTTP_TLS_CLIENTCAS: '[a' },
      problem: 'the value of REGISTRY_HTTP_TLS_CLIENTCAS is not YAML',
    },
    {
      env: { REGISTRY_LOG_LEVEL: 'loud' },
      problem: 'environment REGISTRY_LOG_LEVEL: log.level: must be error',
    },
  ])('stop the start when they make no sense: $env', ({ env, problem }) => {
    expect(() => load(env as NodeJS.ProcessEnv)).toThrow(ConfigError);
    expect(() => load(env as NodeJS.ProcessEnv)).toThrow(problem);
  });
});

describe('origins', () => {
  it('tell file, variable and default apart', () => {
    const { origins } = load({ REGISTRY_HTTP_NET: 'tcp', REGISTRY_HEALTH_TCP_0_TIMEOUT: '1s' });
    const file = (line: number, column: number) => ({ from: 'file', path: 'c.yml', line, column });
    expect(Object.fromEntries(origins)).toMatchObject({
      version: file(2, 1),
      'storage.filesystem.rootdirectory': file(5, 5),
      'storage.filesystem.maxthreads': { from: 'default' },
      'storage.maintenance.uploadpurging.age': file(8, 36),
      'http.addr': file(10, 3),
      'http.net': { from: 'environment', name: 'REGISTRY_HTTP_NET' },
      'http.headers.X-Old.0': file(12, 13),
      'health.tcp.0.addr': file(15, 7),
      'health.tcp.0.timeout': { from: 'environment', name: 'REGISTRY_HEALTH_TCP_0_TIMEOUT' },
      'health.tcp.0.threshold': { from: 'default' },
      'berth.admins': { from: 'default' },
    });
  });

  it('follow a value to its new spelling', () => {
    const { origins } = load({}, 'version: 0.1\nstorage: inmemory\nloglevel: debug\nredis: {addr: "r:1"}');
    expect(origins.get('log.level')).toMatchObject({ line: 3 });
    expect(origins.get('redis.addrs.0')).toMatchObject({ line: 4 });
    expect(origins.get('storage.inmemory')).toMatchObject({ line: 2 });
  });
});
