import { readFile } from 'node:fs/promises';
import { layout } from '../content/index.js';
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { reasonOf } from '../registry/system-error.js';
import type { S3Options } from '../storage/index.js';

type Section = NonNullable<Config['storage']['s3']>;

/** Amazon copies fast only what it copies in parts. Other services mostly copy no bytes, but for parts they do. */
const AMAZON_COPY_BYTES = 32 * 1024 ** 2;
const OTHER_COPY_BYTES = 5 * 1024 ** 3;
/** Any will do where a service has only one. */
const ANY_REGION = 'us-east-1';

/**
 * What the driver wants to know of the configuration.
 * @param options `alone`: no other process receives uploads.
 * @throws {Error} the file of certificates cannot be read that AWS_CA_BUNDLE names.
 */
export async function s3Options(
  section: Section,
  { env, log, alone }: { env: NodeJS.ProcessEnv; log: Logger; alone: boolean },
): Promise<S3Options> {
  const endpoint = addressOf(section.regionendpoint, section);
  const redirectEndpoint = addressOf(section.redirectendpoint, section);
  const ca = await certificates(env.AWS_CA_BUNDLE);
  return {
    bucket: section.bucket ?? '',
    region: section.region || ANY_REGION,
    ...(endpoint ? { endpoint } : {}),
    ...(redirectEndpoint ? { redirectEndpoint } : {}),
    // v2 of the reference does so wherever there is an endpoint, v3 where it is told to.
    pathStyle: section.forcepathstyle ?? endpoint !== undefined,
    ...credentialsOf(section),
    secure: section.secure,
    verifyCertificates: !section.skipverify,
    ...(ca ? { ca } : {}),
    // They name hosts of Amazon's, and the SDK refuses them with another.
    dualStack: section.usedualstack && !endpoint,
    accelerate: section.accelerate && !endpoint,
    fips: section.usefipsendpoint && !endpoint,
    ...(section.useragent ? { userAgent: section.useragent } : {}),
    rootDirectory: section.rootdirectory ?? '',
    objects: objectsOf(section),
    partBytes: section.chunksize,
    copies: {
      thresholdBytes: section.multipartcopythresholdsize ?? (endpoint ? OTHER_COPY_BYTES : AMAZON_COPY_BYTES),
      partBytes: section.multipartcopychunksize,
      atOnce: section.multipartcopymaxconcurrency,
    },
    leftoversBelow: layout.ROOT,
    alone,
    ...(section.loglevel === 'off'
      ? {}
      : { trace: (request) => log.info(request, 'request to the object store') }),
  };
}

function addressOf(address: string | undefined, { secure }: Section): string | undefined {
  if (!address) return undefined;
  return address.includes('://') ? address : `${secure ? 'https' : 'http'}://${address}`;
}

function credentialsOf({ accesskey, secretkey, sessiontoken }: Section): Pick<S3Options, 'credentials'> {
  if (!accesskey || !secretkey) return {};
  const session = sessiontoken ? { sessionToken: sessiontoken } : {};
  return { credentials: { accessKeyId: accesskey, secretAccessKey: secretkey, ...session } };
}

/** What services do by themselves is not asked for: some refuse even that. */
function objectsOf({ objectacl, storageclass, encrypt, keyid }: Section): S3Options['objects'] {
  return {
    ...(objectacl === 'private' ? {} : { acl: objectacl }),
    ...(storageclass === 'NONE' || storageclass === 'STANDARD' ? {} : { storageClass: storageclass }),
    ...(encrypt ? { encryption: keyid ? { keyId: keyid } : {} } : {}),
  };
}

async function certificates(file: string | undefined): Promise<string | undefined> {
  if (!file) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}, which AWS_CA_BUNDLE names: ${reasonOf(error)}`, { cause: error });
  }
}
