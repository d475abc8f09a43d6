import type { S3Options } from '../../src/storage/index.js';
import type { TestBucket } from './s3.js';

const MIB = 1024 ** 2;

/** How a driver is told of a bucket. */
export function s3Options(
  { endpoint, region, accessKey, secretKey, bucket }: TestBucket,
  more: Partial<S3Options> = {},
): S3Options {
  return {
    bucket,
    region,
    endpoint,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    pathStyle: true,
    secure: false,
    verifyCertificates: true,
    dualStack: false,
    accelerate: false,
    fips: false,
    rootDirectory: '',
    objects: {},
    partBytes: 10 * MIB,
    copies: { thresholdBytes: 5 * 1024 * MIB, partBytes: 32 * MIB, atOnce: 16 },
    leftoversBelow: '/docker/registry/v2',
    alone: true,
    ...more,
  };
}
