import { isIP } from 'node:net';
import { z } from 'zod';
import {
  choice,
  duration,
  flag,
  optionalDuration,
  optionalSize,
  requiredSize,
  section,
  size,
  text,
} from './fields.js';

const ANYBODY = ['*', 'anonymous'];

const user = z
  .string()
  .refine((name) => name !== '' && !name.startsWith('@') && !ANYBODY.includes(name) && !/[:\s]/.test(name), {
    error: 'must be the name of one user',
  });

const subject = z
  .string()
  .refine((name) => ANYBODY.includes(name) || /^@?[^@:\s*][^:\s]*$/.test(name), {
    error: 'must be a user, a @group, * for everybody who logged in, or anonymous',
  })
  .meta({ description: 'A user, a @group, `*` for everybody who logged in, or `anonymous`.' });

const admin = subject.refine((name) => !ANYBODY.includes(name), { error: 'must be a user or a @group' });

const subjects = (description: string) => z.array(subject).meta({ description }).default([]);

/** Some clients paste it into a URL as it is, or look for the last name of a scheme in a header. */
const plainName = (description: string, byDefault: string) =>
  z
    .string()
    .refine((name) => /^[\w.:/-]{1,255}$/.test(name), { error: 'must be of letters, digits and . _ : / -' })
    .refine((name) => !/basic|bearer/i.test(name), { error: 'must not contain basic or bearer' })
    .meta({ description })
    .default(byDefault);

const glob = z.string().min(1);

const oneOrMore = <Schema extends z.ZodString>(schema: Schema, description: string) =>
  z
    .union([schema, z.array(schema).min(1)])
    .transform((value): string[] => (typeof value === 'string' ? [value] : value))
    .meta({ description });

const repositories = oneOrMore(glob, 'Names of repositories, or globs such as team/*.');
const tags = oneOrMore(glob, 'Tags, or globs such as v*; without it all.').default(['*']);

const rule = z
  .strictObject({
    repositories,
    pull: subjects('Who may pull.'),
    push: subjects('Who may push.'),
    delete: subjects('Who may delete.'),
  })
  .meta({ description: 'Rights in some repositories.' });

/** A rule that says nothing of whose job it is would let in whoever uses the service. */
const claims = z
  .record(z.string(), oneOrMore(z.string().min(1), 'What the claim is, or globs of which one matches it.'))
  .refine((record) => Object.values(record).some((globs) => globs.every((glob) => /[^*?/]/.test(glob))), {
    error: 'must name a claim with more than wildcards, such as repository: my-org/*',
  })
  .meta({ description: 'Claims of the token to what they must be.' });

const jobRule = z
  .strictObject({
    claims,
    repositories: oneOrMore(
      glob,
      'Names of repositories, or globs; {claim} stands for the value of a claim.',
    ),
    actions: z
      .array(z.enum(['pull', 'push', 'delete']))
      .min(1)
      .meta({ description: 'What such a job may do there.' }),
  })
  .meta({ description: 'Rights of some jobs, besides what others of these rules give them.' });

const oidcService = z
  .strictObject({
    issuer: z.url().meta({ description: 'URL of the service, as its tokens name it.' }),
    audience: oneOrMore(z.string().min(1), 'Whom its tokens must be for: the name of this registry.'),
    ca: text("File of certificates to trust in place of the system's."),
    session: duration('How long a login lasts.', '1h'),
    rules: z.array(jobRule).min(1).meta({ description: 'Which jobs may do what.' }),
  })
  .meta({ description: 'A CI service that issues OpenID Connect tokens.' });

const warning = z
  .strictObject({
    repositories,
    text: z
      .string()
      .regex(/^[\x20-\x7e]{1,1000}$/, { error: 'must be at most 1,000 characters of ASCII, in one line' })
      .meta({ description: 'What to say.' }),
  })
  .meta({ description: 'A note to the people who use some repositories.' });

const network = z.string().refine(isNetwork, { error: 'must be an address or a network such as 10.0.0.0/8' });

function isNetwork(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/');
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  return (
    family !== 0 &&
    more.length === 0 &&
    (bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= longest))
  );
}

const immutable = z
  .strictObject({ repositories, tags })
  .meta({ description: 'Tags that stay on what they name.' });

const quota = z
  .strictObject({
    repositories,
    size: requiredSize('Most bytes that they hold together; what they share counts once.'),
  })
  .meta({ description: 'Room for some repositories.' });

const keep = z
  .strictObject({
    newest: z.int().min(1).meta({ description: 'It is among so many that were pushed last.' }).optional(),
    newestversions: z
      .int()
      .min(1)
      .meta({ description: 'It is among so many highest versions, as semantic versioning orders them.' })
      .optional(),
    pushedwithin: optionalDuration('It was pushed so lately.'),
    pulledwithin: optionalDuration('It was pulled, or pushed, so lately.'),
  })
  .meta({ description: 'A tag stays if all of these are true of it.' });

const retention = z
  .strictObject({
    repositories,
    tags,
    keep: z.array(keep).meta({ description: 'A tag stays if one of these lets it.' }).default([]),
    expirylabel: text('Label of images that says after how long a tag goes, such as quay.expires-after.'),
  })
  .meta({ description: 'Which tags stay. The first rule that matches a tag decides.' });

const upstream = z
  .strictObject({
    prefix: text(
      'Its repositories are below this name, such as docker.io; without it the whole registry is a copy.',
    ),
    url: z.string().min(1).meta({ description: 'URL of the other registry.' }),
    namespaces: z
      .array(z.string().min(1))
      .meta({ description: 'What containerd calls it, in ?ns=; without it the prefix.' })
      .optional(),
    username: text('User there.'),
    password: text('Password there.'),
    recheck: duration('How long a tag is believed before the other registry is asked again.', '1m'),
    ttl: duration('How long what nobody asks for is kept; 0 keeps it.', '168h'),
    maxsize: optionalSize('Most bytes of blobs; what was not asked for longest goes first.'),
  })
  .meta({ description: 'A part of the registry that is a copy of another one, filled as it is asked for.' });

const mirror = z
  .strictObject({
    name: z.string().min(1).meta({ description: 'What berth mirror calls it.' }),
    direction: choice('Which way images go, as seen from here.', ['pull', 'push']).default('pull'),
    url: z.string().min(1).meta({ description: 'URL of the other registry.' }),
    username: text('User there.'),
    password: text('Password there.'),
    prefix: text('A name there is below this one here; without it both are the same.'),
    repositories: oneOrMore(
      glob,
      'Names there, or globs such as team/*, for which it must list what it has.',
    ),
    tags,
    referrers: flag('Copies what is about the images too, such as signatures.', true),
    interval: duration('How often; 0 is only by hand.', '1h'),
  })
  .meta({ description: 'Images that are copied from another registry, or to it.' });

const receiver = z
  .strictObject({
    repositories: oneOrMore(glob, 'Only events of these; names of repositories, or globs.').optional(),
    tags: oneOrMore(glob, 'Only events of these tags, or globs; none of what has no tag.').optional(),
    actions: z
      .array(z.enum(['pull', 'push', 'mount', 'delete']))
      .min(1)
      .meta({ description: 'Only these.' })
      .optional(),
    signing: section('Signs what is posted, as GitHub does: X-Hub-Signature-256.', {
      secret: text('The secret that the receiver knows, too.'),
      file: text('File of the secret.'),
    }),
  })
  .meta({ description: 'More of the endpoint of this name.' });

const notifications = section('More of notifications.endpoints, and the queue of their events.', {
  path: text(
    'File of the queue; without it where the index is: PostgreSQL, or berth/events.sqlite beside its file.',
  ),
  keep: duration('How long events can be sent again once they were delivered.', '24h'),
  maxkept: z
    .int()
    .min(0)
    .meta({ description: 'Most events that are kept for that; the oldest go first.' })
    .default(50_000),
  maxwaiting: z
    .int()
    .min(1)
    .meta({ description: 'Most events that wait for an endpoint; then the oldest are given up.' })
    .default(100_000),
  endpoints: z
    .record(z.string(), receiver)
    .meta({ description: 'Names of notifications.endpoints to what the reference has no keys for.' })
    .default({}),
});

export const berth = section('What the reference does not have.', {
  index: section('The index of metadata, which can always be rebuilt from the storage.', {
    path: text(
      'Its file; without it berth/index.sqlite below the root directory of the storage, or of a folder for the bucket in the cache of the user.',
    ),
    lastpull: flag('Remembers when each image was pulled last.', true),
    postgresql: section(
      'A database of PostgreSQL in place of the file, for several servers of one registry.',
      {
        url: text('Where it is: postgresql://user:password@host:port/database?sslmode=verify-full.'),
        passwordfile: text('File of the password, in place of one in the URL; read at each new connection.'),
        connections: z.int().min(1).meta({ description: 'Most connections of this server.' }).default(10),
        schema: z
          .string()
          .refine((name) => /^[a-z_][a-z0-9_]{0,30}$/.test(name), {
            error: 'must be of at most 31 lower case letters, digits and _',
          })
          .meta({
            description: 'What the names of its schemas begin with: one for each registry in the database.',
          })
          .default('berth'),
      },
    ),
  }),
  workers: z
    .int()
    .min(1)
    .max(64)
    .meta({ description: 'How many processes serve, to use as many processors.' })
    .default(1),
  admins: z.array(admin).meta({ description: 'Users and @groups who may do everything.' }).default([]),
  groups: z
    .record(z.string(), z.array(user))
    .meta({ description: 'Names of groups to their users.' })
    .default({}),
  access: z
    .array(rule)
    .meta({ description: 'Who may do what. Without rules everybody who comes in may do everything.' })
    .default([]),
  tokens: section('Tokens that this registry gives to clients, for itself and for others.', {
    enabled: flag(
      'Gives JSON Web Tokens. Without it, tokens are given where anonymous may pull, for this registry alone.',
    ),
    issuer: plainName('Who gives them, as they say.', 'berth'),
    service: plainName('Whom they are for, as they say.', 'berth'),
    lifetime: duration('How long they are good for.', '30m'),
    keys: text('File of the keys that sign them; without it berth/token-keys.json below the root directory.'),
    rotation: duration('How long a key signs before another one does; 0 is for ever.', '720h'),
  }),
  robots: section('Programs that log in with secrets of their own: `berth robot`.', {
    path: text('File of robots; read again when it changes.'),
  }),
  oidc: z
    .array(oidcService)
    .meta({ description: 'CI services whose jobs log in by tokens of the service. Needs berth.tokens.' })
    .default([]),
  limits: section('What strangers may ask for.', {
    manifestbytes: size('Largest manifest.', '4MiB'),
    openuploads: z
      .int()
      .min(1)
      .meta({ description: 'Most unfinished uploads of a repository.' })
      .default(1000),
    headerbytes: size('Most bytes of the headers of a request.', '128KiB'),
  }),
  gc: section('Removing what nothing leads to, while the registry runs. `berth gc` does it at once.', {
    enabled: flag('Does it by itself.'),
    interval: duration('How often.', '24h'),
    grace: duration('Nothing younger is touched: pushes under way rely on it.', '24h'),
    untagged: flag(
      'Removes images without a tag, too, unless a list, a subject or a referrer leads to them.',
    ),
  }),
  verify: section('Reading all that is stored, to see whether it is sound. `berth verify` does it at once.', {
    enabled: flag('Does it by itself.'),
    interval: duration('How long after one pass the next one begins.', '168h'),
    rate: size('Most bytes that are read in a second.', '8MiB'),
  }),
  immutable: z.array(immutable).meta({ description: 'Tags that cannot be moved or deleted.' }).default([]),
  retention: z
    .array(retention)
    .meta({
      description: 'Which tags stay; others are deleted with each collection. Without rules all stay.',
    })
    .default([]),
  quotas: z
    .array(quota)
    .meta({ description: 'Room for repositories. Without it there is no bound.' })
    .default([]),
  upstreams: z
    .array(upstream)
    .meta({ description: 'Parts of the registry that are copies of others, filled as they are asked for.' })
    .default([]),
  mirrors: z
    .array(mirror)
    .meta({ description: 'Images that are copied by the clock, or with `berth mirror`.' })
    .default([]),
  notifications,
  audit: section('A line of JSON for each change, and for what clients were refused.', {
    path: text('File that they are added to; or stderr, or stdout.'),
  }),
  trash: section('What was deleted and can be brought back: `berth trash`.', {
    keep: duration('For how long; 0 keeps nothing.', '168h'),
  }),
  warnings: z
    .array(warning)
    .meta({ description: 'Sent with every answer about these repositories; clients show it to their users.' })
    .default([]),
  minfreespace: size('Free space below which /debug/health reports a failure.', '100MiB'),
  search: flag('Serves /v1/search for docker search.', true),
  trustedproxies: z
    .array(network)
    .meta({ description: 'Proxies whose Forwarded and X-Forwarded-* headers are believed.' })
    .default(['127.0.0.0/8', '::1/128']),
  stopdelay: duration(
    'How long a server that is told to stop goes on as before, but for / which says so: until balancers send it nothing more.',
    '0s',
  ),
  passwordcache: duration('How long a checked password is not checked again; 0 checks each time.', '5m'),
});
