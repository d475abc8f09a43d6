import type { ObjectCannedACL, StorageClass } from '@aws-sdk/client-s3';
import type { StoragePath } from '../driver.js';

/** One attempt at a request, for logs. Holds no secret: keys of objects, never URLs or headers. */
export type S3Trace = Readonly<{
  action: string;
  key: string;
  attempt: number;
  milliseconds: number;
  /** What went wrong; `undefined` for success. */
  failure?: string;
}>;

/** A bucket, and how it is spoken to. Sizes in bytes. */
export type S3Options = Readonly<{
  bucket: string;
  region: string;
  /** A URL such as `https://s3.example:9000`; without it Amazon's own service. */
  endpoint?: string;
  /** Stands in signed URLs in its place: what clients reach. */
  redirectEndpoint?: string;
  /** Whether the bucket is in the path of a URL, not in its host. */
  pathStyle: boolean;
  /** Without it the usual chain of AWS is asked: environment, files, web identity, the role of the machine. */
  credentials?: Readonly<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>;
  /** Speaks HTTPS to Amazon. An `endpoint` says by itself. */
  secure: boolean;
  verifyCertificates: boolean;
  /** Authorities to trust in place of those of the system, PEM. */
  ca?: string;
  dualStack: boolean;
  accelerate: boolean;
  fips: boolean;
  userAgent?: string;
  /** Stands before the path in every key. */
  rootDirectory: string;
  /** What new objects are given. */
  objects: Readonly<{
    acl?: ObjectCannedACL;
    storageClass?: StorageClass;
    encryption?: Readonly<{ keyId?: string }>;
  }>;
  /** Of a multipart upload, while that has few. */
  partBytes: number;
  copies: Readonly<{
    /** Larger objects are copied in parts, side by side. */
    thresholdBytes: number;
    partBytes: number;
    atOnce: number;
  }>;
  /** Where multipart uploads that were given up are ours to abort: others may use the bucket too. */
  leftoversBelow: StoragePath;
  /** No other process appends to the same files: what this one did to them it need not ask for. */
  alone: boolean;
  trace?: (request: S3Trace) => void;
}>;
