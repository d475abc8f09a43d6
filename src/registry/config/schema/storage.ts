import { z } from 'zod';
import { anything, choice, count, duration, flag, section } from './fields.js';
import { s3 } from './s3.js';

export const STORAGE_DRIVERS = ['azure', 'filesystem', 'gcs', 'inmemory', 'oss', 's3', 'swift'] as const;

const LEAST_THREADS = 25;

const filesystem = z
  .strictObject({
    rootdirectory: z
      .string()
      .min(1)
      .meta({ description: 'Directory that holds docker/registry/v2.' })
      .default('/var/lib/registry'),
    maxthreads: z
      .int()
      .min(0)
      .transform((value) => Math.max(value, LEAST_THREADS))
      .meta({ description: 'Most operations on the file system at a time; below 25 counts as 25.' })
      .prefault(100),
  })
  .meta({ description: 'Files in a local directory.' });

const loose = (name: string) => anything(`Options of the ${name} driver.`).optional();

const cache = z
  .strictObject({
    blobdescriptor: choice('Where the reference keeps sizes of blobs; here the index has them.', [
      'inmemory',
      'redis',
    ]).optional(),
    layerinfo: choice('Old spelling of blobdescriptor.', ['inmemory', 'redis'])
      .meta({ deprecated: true })
      .optional(),
    blobdescriptorsize: count('Most entries of that cache; 0 sets no bound.', 10_000),
  })
  .transform(({ layerinfo: _, ...rest }) => rest)
  .meta({ description: 'Cache of metadata.' })
  .prefault({});

const uploadpurging = section('Removes uploads that were given up.', {
  enabled: flag('Removes old uploads now and then.', true),
  age: duration('Age at which an upload counts as given up.', '168h'),
  interval: duration('Time between two passes.', '24h', { zeroMeansDefault: true }),
  dryrun: flag('Only logs what would be removed.'),
});

const sections = z
  .strictObject({
    filesystem: filesystem.optional(),
    inmemory: anything('Everything in memory, gone at the end. For tests.').optional(),
    s3: s3.optional(),
    s3aws: s3.meta({ deprecated: true, description: 'Other spelling of s3.' }).optional(),
    azure: loose('azure'),
    gcs: loose('gcs'),
    oss: loose('oss'),
    swift: loose('swift'),
    delete: section('Removal of images through the API.', {
      enabled: flag('Allows DELETE of manifests and blobs.'),
    }),
    redirect: section('Redirects to where the bytes are.', {
      disable: flag('Sends all bytes through the registry.'),
    }),
    cache,
    tag: section('Work on tags.', {
      concurrencylimit: count('Most tags looked up at a time; 0 leaves it to the registry.', 0),
    }),
    maintenance: section('Work in the background, and read-only mode.', {
      uploadpurging,
      readonly: section('Read-only mode.', { enabled: flag('Refuses every write.') }),
    }),
  })
  .transform(({ s3aws: _, ...rest }) => rest);

/** A driver's bare name stands for the driver without options. */
export const storage = z
  .union([sections, z.enum(['inmemory', 'filesystem']).transform((name) => sections.parse({ [name]: {} }))])
  .meta({ description: 'Where the registry keeps its data: exactly one driver.' });
