import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
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

async function sharedAccount(): Promise<S3Account> {
  const answer = JSON.parse(await text(connect(inject('s3Socket'))));
  if ('error' in answer) throw new Error(answer.error);
  return answer;
}
