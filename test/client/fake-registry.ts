import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export type SeenRequest = Readonly<{ method: string; url: string; headers: IncomingMessage['headers'] }>;
/** Answers instead of the registry, or returns false to leave it to the registry. */
export type Intercept = (
  request: IncomingMessage,
  response: ServerResponse,
  count: number,
) => boolean | Promise<boolean>;

/** A registry in memory that does what it should, unless a test makes it do otherwise. */
export class FakeRegistry implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** By `repository:reference`. */
  readonly manifests = new Map<string, { type: string; bytes: Buffer }>();
  readonly uploads = new Map<string, Buffer>();
  intercept: Intercept = () => false;
  hasReferrers = true;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on(
      'request',
      (request, response) => void this.#handle(request, response).catch(() => response.destroy()),
    );
  }

  static async start(options: { tls?: object; host?: string } = {}): Promise<FakeRegistry> {
    const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
    server.listen(0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
    return new FakeRegistry(server as Server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  /** Methods and paths, without queries and ids. */
  get log(): string[] {
    return this.requests.map(({ method, url }) => {
      const path = url.split('?', 1)[0] ?? '';
      return `${method} ${path.replace(/sha256:[0-9a-f]{64}/, '<digest>').replace(/\/[0-9a-f-]{36}$/, '/<id>')}`;
    });
  }

  count(method: string, pattern: RegExp): number {
    return this.requests.filter((request) => request.method === method && pattern.test(request.url)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    request.on('error', () => {});
    this.requests.push({ method, url, headers });
    const count = this.requests.filter((other) => other.method === method && other.url === url).length;
    if (await this.intercept(request, response, count)) return;
    const { pathname, searchParams } = new URL(url, 'http://fake');
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/(.*)$/.exec(pathname);
    if (upload)
      return this.#upload(request, response, {
        repository: upload[1] ?? '',
        id: upload[2] ?? '',
        searchParams,
      });
    const [, repository = '', kind, key = ''] =
      /^\/v2\/(.+)\/(blobs|manifests|referrers)\/(.+)$/.exec(pathname) ?? [];
    if (kind === 'blobs') return this.#blob(request, response, key);
    if (kind === 'manifests') return this.#manifest(request, response, repository, key);
    if (kind === 'referrers' && this.hasReferrers) {
      return send(
        response,
        200,
        { 'content-type': INDEX },
        JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }),
      );
    }
    if (pathname === '/v2/') return send(response, 200, {}, '{}');
    return fail(response, 404, 'NAME_UNKNOWN');
  }

  async #blob(request: IncomingMessage, response: ServerResponse, digest: string): Promise<void> {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) return fail(response, 404, 'BLOB_UNKNOWN');
    const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
    if (start === undefined) return send(response, 200, {}, request.method === 'HEAD' ? bytes.length : bytes);
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    return send(response, 206, { 'content-range': range }, bytes.subarray(Number(start)));
  }

  async #manifest(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    key: string,
  ): Promise<void> {
    const place = `${repository}:${key}`;
    if (request.method === 'PUT') {
      const bytes = await readAll(request);
      const stored = { type: request.headers['content-type'] ?? '', bytes };
      this.manifests.set(place, stored);
      this.manifests.set(`${repository}:${sha256(bytes)}`, stored);
      const subject = (JSON.parse(bytes.toString()) as { subject?: { digest: string } }).subject?.digest;
      const answered = subject !== undefined && this.hasReferrers ? { 'oci-subject': subject } : {};
      return send(response, 201, { location: `/v2/${repository}/manifests/${key}`, ...answered });
    }
    const found = this.manifests.get(place);
    if (found === undefined) return fail(response, 404, 'MANIFEST_UNKNOWN');
    if (request.method === 'DELETE') {
      this.manifests.delete(place);
      return send(response, 202);
    }
    const headers = { 'content-type': found.type, 'docker-content-digest': sha256(found.bytes) };
    return send(response, 200, headers, request.method === 'HEAD' ? found.bytes.length : found.bytes);
  }

  async #upload(
    request: IncomingMessage,
    response: ServerResponse,
    { repository, id, searchParams }: { repository: string; id: string; searchParams: URLSearchParams },
  ): Promise<void> {
    const mount = searchParams.get('mount');
    if (request.method === 'POST' && mount !== null && this.blobs.has(mount)) {
      return send(response, 201, { location: `/v2/${repository}/blobs/${mount}` });
    }
    const session = id === '' ? randomUUID() : id;
    if (request.method === 'POST') this.uploads.set(session, Buffer.alloc(0));
    const known = this.uploads.get(session);
    if (known === undefined) return fail(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    const location = `/v2/${repository}/blobs/uploads/${session}?_state=a%2Bb`;
    if (request.method === 'DELETE') this.uploads.delete(session);
    if (request.method === 'PATCH' || request.method === 'PUT') await this.receive(request, session);
    const now = this.uploads.get(session) ?? Buffer.alloc(0);
    const range = `0-${Math.max(0, now.length - 1)}`;
    if (request.method === 'POST' || request.method === 'PATCH')
      return send(response, 202, { location, range });
    if (request.method !== 'PUT') return send(response, 204, { location, range });
    const digest = searchParams.get('digest') ?? '';
    if (searchParams.get('_state') !== 'a+b') return fail(response, 400, 'BLOB_UPLOAD_INVALID');
    if (sha256(now) !== digest) return fail(response, 400, 'DIGEST_INVALID');
    this.uploads.delete(session);
    this.blobs.set(digest, now);
    return send(response, 201, { location: `/v2/${repository}/blobs/${digest}` });
  }

  /** Keeps what comes, also of a body that ends too early. */
  async receive(request: IncomingMessage, session: string, options: { atMost?: number } = {}): Promise<void> {
    const { atMost = Number.POSITIVE_INFINITY } = options;
    const chunks = [this.uploads.get(session) ?? Buffer.alloc(0)];
    let size = chunks[0]?.length ?? 0;
    try {
      for await (const chunk of request) {
        chunks.push(chunk as Buffer);
        size += (chunk as Buffer).length;
        if (size >= atMost) return;
      }
    } finally {
      // It may be cancelled meanwhile.
      if (this.uploads.has(session))
        this.uploads.set(session, Buffer.concat(chunks).subarray(0, Math.min(size, atMost)));
    }
  }
}

const INDEX = 'application/vnd.oci.image.index.v1+json';

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** @param body bytes, or how many there would be. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: Buffer | string | number = '',
): void {
  const length = typeof body === 'number' ? body : Buffer.byteLength(body);
  response.writeHead(status, {
    ...(status === 204 ? {} : { 'content-length': length }),
    ...headers,
  } as Record<string, string>);
  response.end(typeof body === 'number' ? undefined : body);
}

export function fail(
  response: ServerResponse,
  status: number,
  code: string,
  message = code.toLowerCase(),
): void {
  send(
    response,
    status,
    { 'content-type': 'application/json' },
    JSON.stringify({ errors: [{ code, message }] }),
  );
}

export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
