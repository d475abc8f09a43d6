import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes requests on to a server, and remembers them. */
export class RecordingProxy implements AsyncDisposable {
  /** `GET /v2/app/manifests/v1`, in the order in which they came. */
  readonly requests: string[] = [];
  /** Answers instead of the server, or returns false. */
  intercept: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean = () => false;
  /** Looks at, or changes, what is passed back of bodies. */
  change: (chunk: Buffer, incoming: IncomingMessage) => Buffer | Promise<Buffer> = (chunk) => chunk;
  /** Does not say how long bodies are. */
  withoutLength = false;
  /** Headers that requests had, by what was asked for. */
  readonly authorizations: (string | undefined)[] = [];
  readonly #server: Server;

  private constructor(server: Server, target: string) {
    this.#server = server;
    server.on('request', (incoming, outgoing) => {
      this.requests.push(`${incoming.method} ${incoming.url}`);
      this.authorizations.push(incoming.headers.authorization);
      if (this.intercept(incoming, outgoing)) return;
      this.#pass(target, incoming, outgoing);
    });
  }

  static async start(target: string): Promise<RecordingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RecordingProxy(server, target);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  count(pattern: RegExp): number {
    return this.requests.filter((each) => pattern.test(each)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, headers } = incoming;
    const passed = request(new URL(incoming.url ?? '/', target), { method, headers, agent: false });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passed.destroy());
    passed.on('response', (answer) => {
      const { 'content-length': length, ...others } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, this.withoutLength ? others : answer.headers);
      void this.#passBody(answer, incoming, outgoing).catch(() => outgoing.destroy());
    });
    incoming.pipe(passed);
  }

  async #passBody(
    answer: IncomingMessage,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    for await (const chunk of answer) {
      if (!outgoing.write(await this.change(chunk, incoming))) await once(outgoing, 'drain');
    }
    outgoing.end();
  }
}
