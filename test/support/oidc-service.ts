import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';

type SigningKey = Readonly<{ kid: string; privateKey: KeyObject; publicKey: KeyObject }>;

/** The part of a CI service that says which of its jobs is calling, as GitHub and GitLab have it. */
export class OidcService implements AsyncDisposable {
  readonly url: string;
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  /** Answers with this status in place of what was asked for. */
  failure: number | undefined;
  /** Where its keys are. */
  keysPath = '/keys';
  /** What it answers in place of its keys. */
  notKeys: string | undefined;
  /** What it calls itself, if not by its URL. */
  issuer: string;
  #keys: SigningKey[] = [];
  readonly #server: Server;

  /** @param options `host` is an address of this machine. */
  static async start(
    options: { host?: string; tls?: Readonly<{ certificate: Buffer; key: Buffer }> } = {},
  ): Promise<OidcService> {
    const { host = '127.0.0.1', tls } = options;
    const server = tls ? createTlsServer({ cert: tls.certificate, key: tls.key }) : createServer();
    server.listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new OidcService(server, `${tls ? 'https' : 'http'}://${host}:${port}`);
  }

  private constructor(server: Server, url: string) {
    this.url = url;
    this.issuer = url;
    this.#server = server;
    this.changeKey();
    server.on('request', ({ url: path = '' }, response) => {
      this.requests.push(path);
      const answer = this.failure === undefined ? this.#answerTo(path) : undefined;
      response.writeHead(this.failure ?? (answer ? 200 : 404), { 'Content-Type': 'application/json' });
      response.end(path === this.keysPath && this.notKeys ? this.notKeys : JSON.stringify(answer ?? {}));
    });
  }

  /** Those before it are not published any more. */
  changeKey(): void {
    this.#keys = [{ kid: randomUUID(), ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }];
  }

  /** What a job is given to show, good for five minutes unless the claims say otherwise. */
  tokenFor(claims: Readonly<Record<string, unknown>>): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('there is no key');
    const now = Math.floor(Date.now() / 1000);
    const payload = { iss: this.url, sub: 'job', jti: randomUUID(), iat: now, exp: now + 300, ...claims };
    return new SignJWT(payload)
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid })
      .sign(key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #answerTo(path: string): object | undefined {
    if (path === '/.well-known/openid-configuration')
      return { issuer: this.issuer, jwks_uri: `${this.url}${this.keysPath}` };
    if (path !== this.keysPath) return undefined;
    return {
      keys: this.#keys.map(({ kid, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        alg: 'RS256',
        use: 'sig',
      })),
    };
  }
}
