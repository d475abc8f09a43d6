import { z } from 'zod';
import { auth } from './auth.js';
import { berth } from './berth.js';
import { choice, count, flag, patterns, section, text, texts } from './fields.js';
import { http } from './http.js';
import { log, loglevel } from './log.js';
import { redis } from './redis.js';
import { health, middleware, notifications, proxy, reporting } from './services.js';
import { storage } from './storage.js';

const platform = z.strictObject({ os: text('Operating system.'), architecture: text('Architecture.') });

const validation = z
  .strictObject({
    enabled: flag('Old opposite of disabled; has no effect.').meta({ deprecated: true }),
    disabled: flag('Asks nothing.'),
    manifests: section('Manifests.', {
      urls: section('URLs of layers that are kept elsewhere. With neither list every URL is allowed.', {
        allow: patterns('Regular expressions, one of which each URL must match.'),
        deny: patterns('Regular expressions, none of which a URL may match.'),
      }),
      indexes: section('Indexes of images.', {
        platforms: choice('Whose images must be present.', ['all', 'none', 'list']).default('all'),
        platformlist: z.array(platform).meta({ description: 'Those platforms.' }).default([]),
      }),
    }),
  })
  .transform(({ enabled: _, ...rest }) => rest)
  .meta({ description: 'What is asked of pushed manifests.' })
  .prefault({});

const compatibility = section('Old formats. Gone in v3.', {
  schema1: section('Manifests of schema 1.', {
    signingkeyfile: text('File of the key that signs them.'),
    enabled: flag('Accepts them.'),
  }),
});

const policy = section('Policies of the reference.', {
  repository: section('Repositories.', { classes: texts('Classes of content that are allowed.') }),
});

/** All that can be written in a configuration file. Its input is the file, its output is `Config`. */
export const configSchema = z
  .strictObject({
    version: z
      .literal(['0.1', 0.1])
      .transform(() => '0.1' as const)
      .meta({ description: 'Version of the format: 0.1.' }),
    log,
    loglevel: loglevel.optional(),
    storage,
    auth,
    middleware,
    http,
    notifications,
    redis,
    health,
    catalog: section('The list of repositories.', {
      maxentries: count('Most entries of an answer.', 1000, { zeroMeansDefault: true }),
    }),
    tags: section('The list of tags.', {
      maxtags: count('Most entries of an answer.', 1000, { zeroMeansDefault: true }),
    }),
    proxy,
    validation,
    policy,
    reporting,
    compatibility,
    berth,
  })
  .transform(({ loglevel: _, ...rest }) => rest);

type DeepReadonly<T> = unknown extends T
  ? T
  : T extends string | number | boolean | undefined
    ? T
    : { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

/**
 * The configuration after defaults and overrides, in the reference's names and structure. Durations are `Milliseconds`,
 * sizes are `Bytes`; both are plain numbers at run time. Old spellings have been moved to the newest ones.
 */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
