import { createHash } from 'node:crypto';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { BodyConnections } from './body-connections.js';
import { describeFailure, mayPass, statusOf, unavailable } from './errors.js';
import type { S3Options } from './options.js';
import { MAX_ATTEMPTS, pauseAfter } from './retry.js';

const MAX_SOCKETS = 256;
const CONNECT_MS = 10_000;
/** No byte in either direction for so long. A large copy sends none until it is done, on some services. */
const SILENCE_MS = 2 * 60_000;
/** Services close idle connections after a while; the one who does it first loses no request. */
const IDLE_MS = 15_000;

/** A bucket to send requests to. One place for what holds for all of them: settings, retries, errors, traces. */
export class S3Connection implements Disposable {
  readonly client: S3Client;
  /** Of objects that may be large. */
  readonly bodies: BodyConnections;
  readonly bucket: string;
  readonly #trace: S3Options['trace'];
  #deletesWithMd5 = false;

  constructor(options: S3Options) {
    this.client = new S3Client(clientConfig(options, options.endpoint));
    const { verifyCertificates, ca } = options;
    this.bodies = new BodyConnections({
      connectMs: CONNECT_MS,
      silenceMs: SILENCE_MS,
      idleMs: IDLE_MS,
      tls: { rejectUnauthorized: verifyCertificates, ...(ca === undefined ? {} : { ca }) },
    });
    this.bucket = options.bucket;
    this.#trace = options.trace;
    this.#addContentMd5();
  }

  /**
   * Sends a request, and again after failures that may pass. `send` is called for each attempt: a stream as its body
   * must be a new one.
   * @throws {StorageUnavailableError} the service does not answer, or refuses for a reason that is not the request's.
   * @throws what the SDK says of other failures, such as 404.
   */
  async request<T>(action: string, key: string, send: (client: S3Client) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const started = performance.now();
      const traced = (failure?: unknown) =>
        this.#trace?.({
          action,
          key,
          attempt,
          milliseconds: performance.now() - started,
          ...(failure === undefined ? {} : { failure: describeFailure(failure) }),
        });
      try {
        const answer = await send(this.client);
        traced();
        return answer;
      } catch (error) {
        traced(error);
        if (action === 'DeleteObjects' && statusOf(error) === 400 && !this.#deletesWithMd5) {
          this.#deletesWithMd5 = true;
        } else if (attempt >= MAX_ATTEMPTS || !mayPass(error)) {
          throw unavailable(action, key, error);
        } else {
          await pauseAfter(attempt);
        }
      }
    }
  }

  /** By the clock of the service, once it has refused what was signed by ours. */
  now(): Date {
    return new Date(Date.now() + this.client.config.systemClockOffset);
  }

  [Symbol.dispose](): void {
    this.bodies[Symbol.dispose]();
    this.client.destroy();
  }

  /**
   * The SDK proves the body of DeleteObjects by CRC-32. Older services know Content-MD5 only, and say so with a 400.
   * @see aws-sdk-js-v3 issue 6819
   */
  #addContentMd5(): void {
    this.client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          const { request } = args;
          if (this.#deletesWithMd5 && commandName === 'DeleteObjectsCommand' && hasTextBody(request)) {
            for (const name of Object.keys(request.headers)) {
              if (/^x-amz-(sdk-)?checksum-/.test(name)) delete request.headers[name];
            }
            request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64');
          }
          return next(args);
        },
      { step: 'build', priority: 'low', name: 'contentMd5' },
    );
  }
}

/** Failures are told by what is thrown. The SDK would print some besides. */
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** The same for signed URLs and for requests. */
export function clientConfig(options: S3Options, endpoint: string | undefined): S3ClientConfig {
  const { verifyCertificates, ca } = options;
  const sockets = { keepAlive: true, maxSockets: MAX_SOCKETS };
  return {
    region: options.region,
    ...(endpoint === undefined ? { tls: options.secure } : { endpoint }),
    forcePathStyle: options.pathStyle,
    ...(options.credentials ? { credentials: options.credentials } : {}),
    useDualstackEndpoint: options.dualStack,
    useAccelerateEndpoint: options.accelerate,
    useFipsEndpoint: options.fips,
    ...(options.userAgent ? { customUserAgent: options.userAgent } : {}),
    // Older services refuse what newer SDKs add by themselves, or store it.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    followRegionRedirects: true,
    // We retry by ourselves: the SDK cannot send a stream again.
    maxAttempts: 1,
    logger: SILENT,
    // Waiting for a go-ahead costs a round trip for each part.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: sockets,
      httpsAgent: { ...sockets, rejectUnauthorized: verifyCertificates, ...(ca === undefined ? {} : { ca }) },
    },
  };
}

type TextRequest = { headers: Record<string, string>; body: string | Uint8Array };

function hasTextBody(request: unknown): request is TextRequest {
  if (typeof request !== 'object' || request === null || !('headers' in request) || !('body' in request))
    return false;
  return typeof request.body === 'string' || request.body instanceof Uint8Array;
}
