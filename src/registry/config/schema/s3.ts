import { z } from 'zod';
import { choice, choiceInAnyCase, flag, optionalSize, size, text } from './fields.js';

/** What Amazon has; other services know a few of them. */
const STORAGE_CLASSES = [
  'NONE',
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
  'OUTPOSTS',
  'SNOW',
  'EXPRESS_ONEZONE',
] as const;

/** Objects of these cannot be read before somebody restores them. */
export const ARCHIVES: readonly string[] = ['GLACIER', 'DEEP_ARCHIVE'];

const ACLS = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
] as const;

const LOG_LEVELS = [
  'off',
  'debug',
  'debugwithsigning',
  'debugwithhttpbody',
  'debugwithrequestretries',
  'debugwithrequesterrors',
  'debugwitheventstreambody',
] as const;

/** What services take as parts. */
const PART = { least: '5MiB', most: '5GiB' } as const;

/** Keys of v2 and v3 of the reference. */
export const s3 = z
  .strictObject({
    accesskey: text('Access key; without it the usual chain of AWS credentials is asked.'),
    secretkey: text('Secret key.'),
    sessiontoken: text('Session token of temporary keys.'),
    region: text('Region of the bucket; with regionendpoint it may be left out.'),
    regionendpoint: text('Address of an S3-compatible service.'),
    redirectendpoint: text(
      'Address of the service in the URLs that clients are sent to, where theirs is another.',
    ),
    forcepathstyle: z
      .boolean()
      .register(z.globalRegistry, {
        description: 'Puts the bucket into the path of the URL; without it that is done with regionendpoint.',
      })
      .optional(),
    bucket: text('Name of the bucket.'),
    encrypt: flag('Asks the service to encrypt.'),
    keyid: text('KMS key for encryption; without it the keys of the service.'),
    secure: flag('Speaks HTTPS, where regionendpoint does not say.', true),
    skipverify: flag('Does not verify the certificate of the service.'),
    v4auth: flag('Signs with version 4, as is always done. Of v2.', true),
    chunksize: size(
      'Size of the first parts of a multipart upload; of long uploads later ones are larger.',
      '10MiB',
      PART,
    ),
    multipartcopychunksize: size('Size of the parts in which large objects are copied.', '32MiB', PART),
    multipartcopymaxconcurrency: z
      .int()
      .min(1)
      .register(z.globalRegistry, { description: 'Most parts of an object that are copied at a time.' })
      .default(100),
    multipartcopythresholdsize: optionalSize(
      'Objects above this size are copied in parts; by default 32MiB, and with regionendpoint 5GiB: most other services do not copy bytes where they need not.',
      { least: '0', most: '5GiB' },
    ),
    rootdirectory: text('Prefix of all keys.'),
    storageclass: choiceInAnyCase(
      'Storage class of new objects; NONE asks for none.',
      STORAGE_CLASSES,
      'STANDARD',
    ),
    useragent: text('Added to the User-Agent of requests.'),
    objectacl: choice('Canned ACL of new objects.', ACLS).default('private'),
    usedualstack: flag("Uses Amazon's addresses for IPv6 too."),
    accelerate: flag('Uses S3 Transfer Acceleration.'),
    usefipsendpoint: flag("Uses Amazon's addresses for FIPS."),
    loglevel: choiceInAnyCase('Logs each request to the service, unless off.', LOG_LEVELS, 'off'),
  })
  .register(z.globalRegistry, { description: 'A bucket of Amazon S3 or a compatible service.' });
