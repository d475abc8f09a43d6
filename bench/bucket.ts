import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Account } from '../test/support/ceph-cluster.ts';

const BUCKET = 'bench';
const AT_ONCE = 16;

/** Where both registries keep what they have, each below a prefix of its own. */
export class Bucket implements Disposable {
  readonly #account: S3Account;
  readonly #client: S3Client;

  private constructor(account: S3Account, client: S3Client) {
    this.#account = account;
    this.#client = client;
  }

  static async create(account: S3Account): Promise<Bucket> {
    const { endpoint, region, accessKey, secretKey } = account;
    const client = new S3Client({
      endpoint,
      region,
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    return new Bucket(account, client);
  }

  /** The sections of a registry's configuration. @param endpoint another way to the same service. */
  storageBelow(prefix: string, endpoint = this.#account.endpoint): string {
    const { region, accessKey, secretKey } = this.#account;
    return `  s3:
    accesskey: ${accessKey}
    secretkey: ${secretKey}
    region: ${region}
    regionendpoint: ${endpoint}
    bucket: ${BUCKET}
    secure: false
    v4auth: true
    rootdirectory: /${prefix}
  redirect:
    disable: true
`;
  }

  /** Copies all files of a directory below a prefix. */
  async fill(directory: string, prefix: string): Promise<void> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const copyOne = async () => {
      for (let file = files.pop(); file; file = files.pop()) {
        const source = path.join(file.parentPath, file.name);
        const key = path.join(prefix, path.relative(directory, source));
        const { size } = await stat(source);
        const body = createReadStream(source);
        await this.#client.send(
          new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body, ContentLength: size }),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, copyOne));
  }

  [Symbol.dispose](): void {
    this.#client.destroy();
  }
}
