import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { freePort } from './free-port.js';

/** A post as it came. */
export type Post = Readonly<{ path: string; headers: IncomingHttpHeaders; body: string }>;

type Event = Readonly<{
  id: string;
  action: string;
  target: Readonly<Record<string, unknown>>;
  [member: string]: unknown;
}>;

/** Takes the events of registries, and can go away and come back. */
export class EventReceiver implements AsyncDisposable {
  readonly url: string;
  readonly posts: Post[] = [];
  /** What it answers; others than 2xx take nothing. */
  status = 200;
  /** Where it sends whoever posts to `/`. */
  redirect: string | undefined;
  readonly #port: number;
  #server: Server | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<EventReceiver> {
    const receiver = new EventReceiver(await freePort());
    await receiver.up();
    return receiver;
  }

  async up(): Promise<void> {
    this.#server = createServer(async (request, response) => {
      const post = { path: request.url ?? '', headers: request.headers, body: await text(request) };
      if (post.path === '/' && this.redirect) {
        response.writeHead(307, { location: this.redirect }).end();
        return;
      }
      if (this.status < 300) this.posts.push(post);
      response.writeHead(this.status).end();
    }).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  /** Those that came to a path, in order. */
  events(path: string): Event[] {
    return this.posts
      .filter((post) => post.path === path)
      .flatMap(({ body }) => (JSON.parse(body) as { events: Event[] }).events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}
