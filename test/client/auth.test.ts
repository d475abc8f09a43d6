import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Credentials, DeniedError, UnauthorizedError } from '../../src/client/index.js';
import { parseRepositoryName } from '../../src/oci/index.js';
import { ALICE, blobOf, manifestOf, openClient, opener, repositoryAt } from './clients.js';
import { FakeRegistry, fail, readAll, send } from './fake-registry.js';

const BASIC = `Basic ${Buffer.from('alice:correct horse').toString('base64')}`;

/** What somebody asked a token for, and as whom. */
type TokenRequest = Readonly<{
  method: string;
  scopes: string[];
  form: URLSearchParams;
  authorization?: string;
}>;

/** Gives tokens that say what they are for. */
class TokenServer implements AsyncDisposable {
  readonly requests: TokenRequest[] = [];
  /** The answer to a request; undefined refuses it with 401. */
  answer: (request: TokenRequest) => object | number | undefined = ({ scopes }) => ({
    token: tokenFor(scopes),
  });
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', async (request: IncomingMessage, response) => {
      const url = new URL(request.url ?? '', 'http://token');
      const form =
        request.method === 'POST'
          ? new URLSearchParams((await readAll(request)).toString())
          : url.searchParams;
      const scopes = form.getAll('scope').flatMap((scope) => scope.split(' '));
      const { authorization } = request.headers;
      const seen = {
        method: request.method ?? '',
        scopes,
        form,
        ...(authorization ? { authorization } : {}),
      };
      this.requests.push(seen);
      const answer = this.answer(seen);
      if (typeof answer === 'number') fail(response, answer, 'UNSUPPORTED');
      else if (answer === undefined) fail(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
      else send(response, 200, { 'content-type': 'application/json' }, JSON.stringify(answer));
    });
  }

  static async start(): Promise<TokenServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TokenServer(server);
  }

  get realm(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const tokenFor = (scopes: readonly string[]) => Buffer.from(scopes.join(' ')).toString('base64url') || 'none';
const scopesOf = (header = '') =>
  Buffer.from(header.replace('Bearer ', ''), 'base64url').toString().split(' ');

let registry: FakeRegistry;
let tokens: TokenServer;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  tokens = await TokenServer.start();
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await tokens[Symbol.asyncDispose]();
});

/** Lets nobody in without `header`. */
function wantBasic(header = BASIC, challenge: string | readonly string[] = 'Basic realm="Team"'): void {
  registry.intercept = (request, response) => {
    if (request.headers.authorization === header) return false;
    request.resume();
    const body = JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] });
    send(response, 401, { 'www-authenticate': challenge }, body);
    return true;
  };
}

/** Wants a token for what each request does. */
function wantTokens(options: { challengeScope?: (needed: string) => string } = {}): void {
  registry.intercept = (request, response) => {
    const needed = neededScopes(request);
    const { authorization } = request.headers;
    const granted = scopesOf(authorization);
    const allows = (wanted: string) => {
      const [, name, actions = ''] = /^repository:(.+):(.*)$/.exec(wanted) ?? [];
      return granted.some(
        (scope) =>
          scope.startsWith(`repository:${name}:`) &&
          actions.split(',').every((action) => scope.includes(action)),
      );
    };
    if (authorization?.startsWith('Bearer ') && needed.every(allows)) return false;
    request.resume();
    const scope = (options.challengeScope ?? ((text) => text))(needed.join(' '));
    const error = authorization === undefined ? '' : ',error="insufficient_scope"';
    const challenge = `Bearer realm="${tokens.realm}",service="registry",scope="${scope}"${error}`;
    send(response, 401, { 'www-authenticate': challenge }, '{"errors":[{"code":"UNAUTHORIZED"}]}');
    return true;
  };
}

function neededScopes({ method, url = '' }: IncomingMessage): string[] {
  const [, name, from] = /^\/v2\/(.+?)\/(?:blobs|manifests)\/[^?]*(?:\?.*from=([^&]*))?/.exec(url) ?? [];
  if (name === undefined) return [];
  const own = `repository:${name}:${method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push'}`;
  return from === undefined ? [own] : [own, `repository:${decodeURIComponent(from)}:pull`];
}

describe('a registry that wants a password', () => {
  it.each([
    'Basic realm="Team"',
    'basic realm=Team, charset="UTF-8"',
    ['Negotiate', 'Basic realm="a, b \\"c\\""'],
    'Negotiate, Digest realm="x", nonce="y", Basic realm="Team"',
  ])('gets it for %j', async (challenge) => {
    wantBasic(BASIC, challenge);
    const blob = blobOf(100);
    expect(await repositoryAt(registry, 'team/app', { as: ALICE }).push(blob.descriptor, opener(blob))).toBe(
      'sent',
    );
    expect(registry.requests.slice(1).every(({ headers }) => headers.authorization === BASIC)).toBe(true);
  });

  it('does not get one before it asks', async () => {
    await openClient({ as: ALICE }).ping(registry.address);
    expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  it('says to nobody that there is a login', async () => {
    wantBasic();
    await expect(repositoryAt(registry).resolve('v1')).rejects.toThrow(
      `finding manifest v1 of ${registry.address}/team/app: unauthorized; log in with: berth login ${registry.address}`,
    );
    await expect(repositoryAt(registry).readManifest('v1')).rejects.toThrow('authentication required');
  });

  it('is asked once with a wrong one', async () => {
    wantBasic();
    const repository = repositoryAt(registry, 'team/app', { as: { user: 'alice', password: 'wrong' } });
    const failed = repository.readManifest('v1');
    await expect(failed).rejects.toThrow(UnauthorizedError);
    await expect(failed).rejects.toThrow('as alice; log in again');
    await expect(failed).rejects.not.toThrow('wrong');
    expect(registry.requests).toHaveLength(2);
  });

  it('may ask for the first time after it let everybody in', async () => {
    const { descriptor, bytes } = manifestOf();
    registry.intercept = (request, response) => {
      if (request.method !== 'PUT' || request.headers.authorization === BASIC) return false;
      request.resume();
      send(response, 401, { 'www-authenticate': 'Basic realm="x"' });
      return true;
    };
    const repository = repositoryAt(registry, 'team/app', { as: ALICE });
    expect(await repository.push(descriptor, opener({ bytes }))).toBe('sent');
  });

  it('may refuse whoever it knows', async () => {
    registry.intercept = (request, response) => {
      if (request.headers.authorization === undefined)
        send(response, 401, { 'www-authenticate': 'Basic realm="x"' });
      else fail(response, 403, 'DENIED', 'not yours');
      return true;
    };
    const failed = repositoryAt(registry, 'team/app', { as: ALICE }).readManifest('v1');
    await expect(failed).rejects.toThrow(DeniedError);
    await expect(failed).rejects.toThrow('denied to alice: not yours');
  });
});

describe('a registry that wants tokens', () => {
  it('gets one for everything that a push does', async () => {
    wantTokens();
    const repository = repositoryAt(registry, 'team/app', { as: ALICE });
    const [blob, image] = [blobOf(2_000_000), manifestOf()];
    await repository.push(blob.descriptor, opener(blob));
    await repository.push(image.descriptor, opener(image));
    await repository.tag(image.descriptor, 'v1');
    expect(tokens.requests).toHaveLength(1);
    expect(tokens.requests[0]).toMatchObject({
      method: 'GET',
      scopes: ['repository:team/app:pull,push'],
      authorization: BASIC,
    });
    expect(Object.fromEntries(tokens.requests[0]?.form ?? [])).toMatchObject({
      service: 'registry',
      account: 'alice',
    });
  });

  it('gets one token for many requests at once, and for nobody one without a name', async () => {
    wantTokens();
    const { descriptor, bytes } = manifestOf();
    registry.manifests.set('team/app:v1', { type: descriptor.mediaType, bytes });
    const repository = repositoryAt(registry);
    await Promise.all(Array.from({ length: 5 }, () => repository.resolve('v1')));
    expect(tokens.requests).toHaveLength(1);
    expect(tokens.requests[0]?.authorization).toBeUndefined();
    expect(tokens.requests[0]?.form.has('account')).toBe(false);
  });

  it('gets both scopes for a mount', async () => {
    wantTokens();
    const blob = blobOf(100);
    const repository = repositoryAt(registry, 'team/app', { as: ALICE });
    await repository.push(blob.descriptor, opener(blob), { mountFrom: 'team/base' });
    expect(tokens.requests.at(-1)?.scopes).toEqual([
      'repository:team/app:pull,push',
      'repository:team/base:pull',
    ]);
  });

  it('is sent the blob when the token does not allow the mount', async () => {
    wantTokens();
    tokens.answer = ({ scopes }) => ({
      access_token: tokenFor(scopes.filter((scope) => !scope.includes('base'))),
    });
    const blob = blobOf(100);
    const repository = repositoryAt(registry, 'team/app', { as: ALICE });
    expect(await repository.push(blob.descriptor, opener(blob), { mountFrom: 'team/base' })).toBe('sent');
  });

  it('may want more than we thought', async () => {
    wantTokens({ challengeScope: (needed) => `${needed} repository:other/thing:pull` });
    tokens.answer = ({ scopes }) => ({
      token: tokenFor(scopes.some((scope) => scope.includes('other')) ? scopes : []),
    });
    const { descriptor, bytes } = manifestOf();
    registry.manifests.set('team/app:v1', { type: descriptor.mediaType, bytes });
    const repository = repositoryAt(registry);
    expect(await repository.resolve('v1')).toEqual(descriptor);
    await repository.readManifest('v1');
    expect(tokens.requests).toHaveLength(2);
  });

  it('gets a new one when the old one is not valid any more, also in the middle of a push', async () => {
    wantTokens();
    const inner = registry.intercept;
    let revoked = 'nothing';
    registry.intercept = (request, response, count) => {
      if (request.method === 'PATCH' && revoked === 'nothing') revoked = request.headers.authorization ?? '';
      if (request.headers.authorization !== revoked) return inner(request, response, count);
      request.resume();
      const challenge = `Bearer realm="${tokens.realm}",service="registry",error="invalid_token"`;
      send(response, 401, { 'www-authenticate': challenge });
      return true;
    };
    let serial = 0;
    tokens.answer = ({ scopes }) => ({ token: tokenFor([...scopes, `serial${serial++}`]) });
    const blob = blobOf(3_000_000);
    const repository = repositoryAt(registry, 'team/app', { as: ALICE });
    expect(await repository.push(blob.descriptor, opener(blob))).toBe('sent');
    expect(registry.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
    expect(tokens.requests).toHaveLength(2);
  });

  it('is not asked for ever when its tokens do not help', async () => {
    wantTokens();
    tokens.answer = () => ({ token: 'useless' });
    await expect(repositoryAt(registry, 'team/app', { as: ALICE }).readManifest('v1')).rejects.toThrow(
      UnauthorizedError,
    );
    expect(tokens.requests.length).toBeLessThan(3);
  });

  it('gets them by POST for a refresh token', async () => {
    wantTokens();
    tokens.answer = ({ method, scopes }) => (method === 'POST' ? { access_token: tokenFor(scopes) } : 405);
    const credentials: Credentials = { identityToken: 'refresh me' };
    const blob = blobOf(100);
    expect(
      await repositoryAt(registry, 'team/app', { as: credentials }).push(blob.descriptor, opener(blob)),
    ).toBe('sent');
    expect(Object.fromEntries(tokens.requests[0]?.form ?? [])).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh me',
      service: 'registry',
      scope: 'repository:team/app:pull,push',
    });
  });

  it('gets them by POST where GET is not known', async () => {
    wantTokens();
    tokens.answer = ({ method, scopes }) => (method === 'POST' ? { access_token: tokenFor(scopes) } : 404);
    const blob = blobOf(100);
    expect(await repositoryAt(registry, 'team/app', { as: ALICE }).push(blob.descriptor, opener(blob))).toBe(
      'sent',
    );
    expect(Object.fromEntries(tokens.requests[1]?.form ?? [])).toMatchObject({
      grant_type: 'password',
      username: 'alice',
    });
  });

  it('takes a ready token as it is', async () => {
    wantTokens();
    const registryToken = tokenFor(['repository:team/app:pull,push']);
    const blob = blobOf(100);
    await repositoryAt(registry, 'team/app', { as: { registryToken } }).push(blob.descriptor, opener(blob));
    expect(tokens.requests).toHaveLength(0);
  });

  it('never lets the service for tokens see a password that it does not take twice', async () => {
    wantTokens();
    tokens.answer = () => undefined;
    const failed = repositoryAt(registry, 'team/app', { as: ALICE }).readManifest('v1');
    await expect(failed).rejects.toThrow('refuses alice: incorrect username or password; wrong user name');
    await expect(failed).rejects.not.toThrow('correct horse');
    expect(tokens.requests).toHaveLength(1);
  });
});

describe('logging in', () => {
  it('keeps the password where there is nothing better', async () => {
    wantBasic();
    expect(await openClient().logIn(registry.address, ALICE)).toEqual(ALICE);
    const wrong = openClient().logIn(registry.address, { user: 'alice', password: 'x' });
    await expect(wrong).rejects.toThrow(UnauthorizedError);
  });

  it('keeps a refresh token instead where the registry gives one that works', async () => {
    wantTokens();
    tokens.answer = ({ form, scopes }) => ({
      token: tokenFor(scopes),
      ...(form.get('offline_token') === 'true' ? { refresh_token: 'forever' } : {}),
    });
    const credentials = await openClient().logIn(registry.address, ALICE);
    expect(credentials).toEqual({ identityToken: 'forever', account: 'alice' });
  });

  it('keeps the password when the refresh token does not work', async () => {
    wantTokens();
    tokens.answer = ({ method, scopes }) =>
      method === 'POST' ? 405 : { token: tokenFor(scopes), refresh_token: 'useless' };
    expect(await openClient().logIn(registry.address, ALICE)).toEqual(ALICE);
  });
});

describe('credentials', () => {
  it('do not go along to another host', async () => {
    wantBasic();
    const inner = registry.intercept;
    await using storage = await FakeRegistry.start();
    const blob = blobOf(100);
    storage.intercept = (_request, response) => {
      send(response, 200, {}, blob.bytes);
      return true;
    };
    registry.intercept = (request, response, count) => {
      if (!request.url?.includes('/blobs/') || request.headers.authorization !== BASIC)
        return inner(request, response, count);
      send(response, 307, { location: `${storage.url}/signed?x=y` });
      return true;
    };
    const repository = repositoryAt(registry, 'team/app', { as: ALICE });
    for await (const chunk of await repository.fetch(blob.descriptor)) expect(chunk).toHaveLength(100);
    expect(storage.requests).toMatchObject([{ url: '/signed?x=y' }]);
    expect(storage.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('do not go to an upload on another host', async () => {
    wantBasic();
    const inner = registry.intercept;
    await using storage = await FakeRegistry.start();
    storage.uploads.set('here', Buffer.alloc(0));
    registry.intercept = (request, response, count) => {
      if (request.method !== 'POST' || request.headers.authorization !== BASIC)
        return inner(request, response, count);
      send(response, 202, { location: `${storage.url}/v2/team/app/blobs/uploads/here?_state=a%2Bb` });
      return true;
    };
    const blob = blobOf(100);
    await repositoryAt(registry, 'team/app', { as: ALICE }).push(blob.descriptor, opener(blob));
    expect(storage.blobs.size).toBe(1);
    expect(storage.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it.each(['/v2/', '/v2/team/app/manifests/v1'])(
    'are not given to the token service of a host that %s redirects to',
    async (redirected) => {
      await using registry = await FakeRegistry.start();
      await using stranger = await FakeRegistry.start();
      stranger.intercept = (_request, response) => {
        const challenge = `Bearer realm="${tokens.realm}",service="registry"`;
        send(response, 401, { 'www-authenticate': challenge });
        return true;
      };
      registry.intercept = (request, response) => {
        if (request.url === redirected) send(response, 307, { location: `${stranger.url}/elsewhere` });
        else send(response, 401, { 'www-authenticate': 'Basic realm="Team"' });
        return true;
      };
      const failed = repositoryAt(registry, 'team/app', { as: ALICE }).readManifest('v1');
      await expect(failed).rejects.toThrow(UnauthorizedError);
      expect(tokens.requests).toEqual([]);
      expect(stranger.requests.length).toBeGreaterThan(0);
      expect(stranger.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    },
  );

  it('are not what a host that is redirected to is told to lack', async () => {
    await using stranger = await FakeRegistry.start();
    stranger.intercept = (_request, response) => {
      send(response, 401, { 'www-authenticate': 'Basic realm="Other"' });
      return true;
    };
    registry.intercept = (request, response) => {
      if (request.url === '/v2/') return false;
      send(response, 307, { location: `${stranger.url}/elsewhere` });
      return true;
    };
    await expect(repositoryAt(registry, 'team/app', { as: ALICE }).readManifest('v1')).rejects.toThrow(
      `reading manifest v1 of ${registry.address}/team/app: ${registry.address} redirects to ${stranger.address}, ` +
        `which wants credentials of its own; those of ${registry.address} are not sent there`,
    );
  });

  it('of a repository serve for its tags and for what is below a namespace', async () => {
    await using registry = await FakeRegistry.start();
    const asked: (string | undefined)[] = [];
    const credentials = {
      find: async (_registry: string, repository?: string) => {
        asked.push(repository);
        return repository === undefined ? undefined : ALICE;
      },
    };
    registry.intercept = (request, response) => {
      if (request.headers.authorization === undefined) {
        send(response, 401, { 'www-authenticate': 'Basic realm="Team"' });
      } else {
        const names = ['other', 'team', 'team/app', 'teams/b'];
        send(response, 200, {}, JSON.stringify({ tags: ['v1'], repositories: names }));
      }
      return true;
    };
    await using client = openClient({ credentials });
    const repository = client.repository(registry.address, parseRepositoryName('team/app'));
    expect(await Array.fromAsync(repository.tags())).toEqual(['v1']);
    const namespace = parseRepositoryName('team');
    expect(await Array.fromAsync(client.catalog(registry.address, { namespace }))).toEqual([
      'team',
      'team/app',
    ]);
    expect(asked).toEqual(['team/app', 'team']);
  });

  it('may differ between repositories', async () => {
    wantBasic();
    const asked: (string | undefined)[] = [];
    const credentials = {
      find: async (_registry: string, repository?: string) => {
        asked.push(repository);
        return repository === 'team/app' ? ALICE : undefined;
      },
    };
    await expect(repositoryAt(registry, 'other', { credentials }).readManifest('v1')).rejects.toThrow(
      'log in with',
    );
    await expect(repositoryAt(registry, 'team/app', { credentials }).readManifest('v1')).rejects.toThrow(
      'no such image',
    );
    expect(asked).toEqual(['other', 'team/app']);
  });
});
