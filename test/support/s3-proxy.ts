import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** `method` and `path` with the query, as they were sent. */
export type ProxiedRequest = Readonly<{
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
}>;

/** Answers in the place of the service, or `undefined` to ask it. `cut` closes the connection after so many bytes of its answer. */
export type Fault = Readonly<{ status: number; body: string }> | Readonly<{ cut: number }> | undefined;

/** Stands before an S3 service: knows what was asked, and makes faults. */
export class S3Proxy implements AsyncDisposable {
  readonly requests: ProxiedRequest[] = [];
  /** Called for each request. */
  fault: (request: ProxiedRequest) => Fault = () => undefined;
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(target: string) {
    this.#target = new URL(target);
    const handle = (req: IncomingMessage, res: ServerResponse) => this.#handle(req, res);
    this.#server = createServer(handle).on('checkContinue', handle);
  }

  static async start(target: string, { host = '127.0.0.1' } = {}): Promise<S3Proxy> {
    const proxy = new S3Proxy(target);
    proxy.#server.listen(0, host);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** Requests as `GET list`, `PUT object`, `POST delete`: what they do, not with what. */
  get actions(): string[] {
    return this.requests.map(actionOf);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const asked = { method: req.method ?? '', path: req.url ?? '', headers: req.headers };
    this.requests.push(asked);
    const fault = this.fault(asked);
    if (fault && 'status' in fault) {
      req.resume();
      res.writeHead(fault.status, { 'content-type': 'application/xml' }).end(fault.body);
      return;
    }
    const { hostname, port } = this.#target;
    const { method, headers } = req;
    const outgoing = request(
      { hostname, port, method, path: req.url, headers, agent: this.#agent },
      (answer) => {
        res.writeHead(answer.statusCode ?? 500, answer.rawHeaders);
        if (fault === undefined) return answer.pipe(res);
        if (fault.cut === 0) return res.destroy();
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          res.write(chunk.subarray(0, fault.cut - bytes));
          bytes += chunk.length;
          if (bytes >= fault.cut) res.destroy();
        });
        return answer;
      },
    );
    outgoing.on('continue', () => res.writeContinue());
    outgoing.on('error', () => res.destroy());
    req.on('error', () => outgoing.destroy());
    req.pipe(outgoing);
  }
}

/** An answer of S3 that is a failure. */
export function failure(status: number, code: string): Fault {
  return {
    status,
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>made up</Message></Error>`,
  };
}

function actionOf({ method, path, headers }: ProxiedRequest): string {
  const { pathname, searchParams: query } = new URL(path, 'http://s3');
  const what = query.has('list-type')
    ? 'list'
    : query.has('uploads')
      ? 'uploads'
      : query.has('delete')
        ? 'delete'
        : query.has('uploadId')
          ? 'part'
          : pathname.split('/').length > 2
            ? 'object'
            : 'bucket';
  return `${method} ${what}${headers['x-amz-copy-source'] ? ' copy' : ''}`;
}
