import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
import type { BerthOptions } from './berth-process.js';
import type { S3Account } from './ceph-cluster.js';

/** A bucket of its own on the service that all tests of a run share. */
export type TestBucket = S3Account & Readonly<{ bucket: string; client: S3Client }>;

/** @throws {Error} the service could not be started. */
export async function createBucket(): Promise<TestBucket> {
  const account = await sharedAccount();
  const client = new S3Client({
    endpoint: account.endpoint,
    region: account.region,
    credentials: { accessKeyId: account.accessKey, secretAccessKey: account.secretKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return { ...account, bucket, client };
}

/** The section `storage.s3` of a configuration, for either registry. */
export function s3Section(
  { endpoint, region, accessKey, secretKey, bucket }: TestBucket,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    accesskey: accessKey,
    secretkey: secretKey,
    region,
    regionendpoint: endpoint,
    bucket,
    secure: false,
    v4auth: true,
    rootdirectory: '/registry',
    ...more,
  };
}

/**
 * How Berth is started on a bucket.
 * @param options `cache` for its index, to be found again by the next start; otherwise the index is in memory. `s3` and
 *   `storage` go into these sections.
 */
export function onBucket(
  bucket: TestBucket,
  options: Readonly<{
    cache?: string;
    s3?: Readonly<Record<string, unknown>>;
    storage?: Readonly<Record<string, unknown>>;
  }> = {},
): BerthOptions {
  const { cache, s3, storage } = options;
  return {
    config: { storage: { s3: s3Section(bucket, s3), delete: { enabled: true }, ...storage } },
    env: {
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: undefined,
      ...(cache === undefined ? { HOME: undefined, XDG_CACHE_HOME: undefined } : { XDG_CACHE_HOME: cache }),
    },
  };
}

/** Kills the service that all tests of a run share, and starts it again: for tests that run alone. */
export async function restartS3(): Promise<void> {
  await ask(inject('s3RestartSocket'));
}

function sharedAccount(): Promise<S3Account> {
  return ask(inject('s3Socket'));
}

async function ask<Answer>(socket: string): Promise<Answer> {
  const answer = JSON.parse(await text(connect(socket)));
  if ('error' in answer) throw new Error(answer.error);
  return answer;
}
