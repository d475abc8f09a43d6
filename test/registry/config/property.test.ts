import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, type LoadedConfig, loadConfig } from '../../../src/registry/config/index.js';

const KEYS = [
  'version',
  'storage',
  'filesystem',
  'rootdirectory',
  'inmemory',
  'delete',
  'enabled',
  'cache',
  'maintenance',
  'auth',
  'htpasswd',
  'http',
  'addr',
  'headers',
  'tls',
  'clientcas',
  'health',
  'tcp',
  '0',
  '1',
  'log',
  'fields',
  'hooks',
  'redis',
  'pool',
  'berth',
  'access',
  'repositories',
  'groups',
  'limits',
  '__proto__',
  'constructor',
  'toString',
  '<<',
]; // prettier-ignore
const word = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...KEYS) }, fc.string({ maxLength: 6 }));
const single = fc.constantFrom(
  '',
  '0.1',
  'true',
  'yes',
  '1',
  '-1',
  '10s',
  '4MiB',
  '~',
  '[]',
  '{}',
  '*a',
  '&a b',
  '"',
  '|',
  '@x',
);
const document = fc.letrec<{ value: string; map: string; list: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    single,
    tie('map'),
    tie('list'),
    fc.string({ maxLength: 8 }),
  ),
  map: fc
    .array(fc.tuple(word, tie('value')), { maxLength: 5 })
    .map((pairs) => `{${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
  list: fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
}));
const text = fc.oneof(
  fc.string(),
  document.value,
  fc
    .array(fc.tuple(word, document.value), { maxLength: 6 })
    .map((pairs) =>
      ['version: 0.1', 'storage: {inmemory: }', ...pairs.map(([key, value]) => `${key}: ${value}`)].join(
        '\n',
      ),
    ),
);
const variables = fc
  .array(
    fc.tuple(
      fc
        .array(word, { maxLength: 5 })
        .map((parts) => ['REGISTRY', ...parts.map((part) => part.toUpperCase())].join('_')),
      fc.oneof(document.value, fc.string({ maxLength: 8 })),
    ),
    { maxLength: 4 },
  )
  .map((entries): NodeJS.ProcessEnv => Object.fromEntries(entries));

describe('loadConfig', () => {
  it('answers any text and any variables with a configuration or a ConfigError', () => {
    fc.assert(
      fc.property(fc.option(text, { nil: undefined }), variables, (text, env) => {
        const loaded = attempt(() => loadConfig(text === undefined ? { env } : { text, env }));
        if (loaded instanceof ConfigError) expect(loaded.problems).not.toEqual([]);
        else
          expect(Object.keys(loaded.config.storage)).toContainEqual(
            expect.stringMatching(/^(filesystem|inmemory)$/),
          );
      }),
      { numRuns: 400 },
    );
  });
});

function attempt(load: () => LoadedConfig): LoadedConfig | ConfigError {
  try {
    return load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
