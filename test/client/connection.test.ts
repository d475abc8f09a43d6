import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RateLimitError, TrustFolders, UnreachableError } from '../../src/client/index.js';
import { freePort } from '../support/free-port.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { openClient, repositoryAt } from './clients.js';
import { FakeRegistry, fail, send } from './fake-registry.js';

let folder: TemporaryFolder;
let tls: { cert: Buffer; key: Buffer };

/** Leads here too, but is no loopback address for the client: there it wants trust. */
const OUTSIDE = '0.0.0.0';

beforeAll(async () => {
  folder = await temporaryFolder('client-tls');
  makeCertificate('ca', []);
  makeCertificate('server', ['-CA', join(folder.path, 'ca.crt'), '-CAkey', join(folder.path, 'ca.key')]);
  makeCertificate('client', ['-CA', join(folder.path, 'ca.crt'), '-CAkey', join(folder.path, 'ca.key')]);
  tls = {
    cert: await readFile(join(folder.path, 'server.crt')),
    key: await readFile(join(folder.path, 'server.key')),
  };
});

afterAll(() => folder?.[Symbol.asyncDispose]());

function makeCertificate(name: string, options: readonly string[]): void {
  const files = ['-keyout', join(folder.path, `${name}.key`), '-out', join(folder.path, `${name}.crt`)];
  const names = [
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${OUTSIDE}`,
  ];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...files, ...options], { stdio: 'pipe' });
}

async function trustFor(registry: string, files: Readonly<Record<string, string>>): Promise<TrustFolders> {
  const place = join(folder.path, `certs-${Math.random()}`, registry);
  await mkdir(place, { recursive: true });
  for (const [name, file] of Object.entries(files))
    await copyFile(join(folder.path, file), join(place, name));
  return new TrustFolders({ folders: [join(place, '..')] });
}

const outside = ({ port }: { port: number }) => `${OUTSIDE}:${port}`;

describe('trust', () => {
  it('comes from the folder of the registry', async () => {
    await using registry = await FakeRegistry.start({ tls });
    const trust = await trustFor(outside(registry), { 'ca.crt': 'ca.crt' });
    await openClient({ trust }).ping(outside(registry));
  });

  it('comes from a file for all', async () => {
    await using registry = await FakeRegistry.start({ tls });
    const trust = new TrustFolders({ folders: [], authorityFiles: [join(folder.path, 'ca.crt')] });
    await openClient({ trust }).ping(outside(registry));
  });

  it('is asked for when it is missing', async () => {
    await using registry = await FakeRegistry.start({ tls });
    const name = outside(registry);
    await expect(openClient().ping(name)).rejects.toThrow(
      `cannot reach ${name}: its certificate is signed by an unknown authority; put the authority's certificate at /etc/docker/certs.d/${name}/ca.crt`,
    );
    expect(registry.requests).toEqual([]);
  });

  it('is not needed for loopback addresses, nor with --insecure', async () => {
    await using registry = await FakeRegistry.start({ tls });
    await openClient().ping(registry.address);
    await openClient({ insecure: () => true }).ping(outside(registry));
  });

  it('brings a certificate of the client', async () => {
    const ca = await readFile(join(folder.path, 'ca.crt'));
    await using registry = await FakeRegistry.start({
      tls: { ...tls, ca, requestCert: true, rejectUnauthorized: true },
    });
    const files = { 'ca.crt': 'ca.crt', 'client.cert': 'client.crt', 'client.key': 'client.key' };
    await openClient({ trust: await trustFor(outside(registry), files) }).ping(outside(registry));
    const without = openClient({
      trust: await trustFor(outside(registry), { 'ca.crt': 'ca.crt' }),
      retries: 0,
    });
    await expect(without.ping(outside(registry))).rejects.toThrow(
      'it wants a certificate of the client; put client.cert',
    );
  });

  it.each([
    { files: { 'client.cert': 'client.crt' }, why: 'client.cert has no client.key beside it' },
    { files: { 'ca.crt': 'ca.key' }, why: 'ca.crt holds no certificate in PEM form' },
  ])('is refused: $why', async ({ files, why }) => {
    await using registry = await FakeRegistry.start({ tls });
    await expect(
      openClient({ trust: await trustFor(outside(registry), files) }).ping(outside(registry)),
    ).rejects.toThrow(why);
  });
});

describe('plain http', () => {
  it('is spoken to loopback addresses that speak no https', async () => {
    await using registry = await FakeRegistry.start();
    await openClient().ping(registry.address);
    await openClient().ping(`localhost:${registry.port}`);
  });

  it('is not spoken to others, unless asked for', async () => {
    await using registry = await FakeRegistry.start();
    const name = outside(registry);
    const failed = openClient().ping(name);
    await expect(failed).rejects.toThrow(
      `cannot reach ${name}: it does not speak https; if plain http is meant, use --insecure`,
    );
    await expect(failed).rejects.toThrow(UnreachableError);
    await openClient({ insecure: () => true }).ping(name);
    await openClient({ plainHttp: () => true }).ping(name);
  });

  it('is not where a redirect may lead to', async () => {
    await using registry = await FakeRegistry.start({ tls });
    await using plain = await FakeRegistry.start();
    registry.intercept = (_request, response) => {
      send(response, 307, { location: plain.url });
      return true;
    };
    const trust = new TrustFolders({ folders: [], authorityFiles: [join(folder.path, 'ca.crt')] });
    await expect(openClient({ trust, retries: 0 }).ping(outside(registry))).rejects.toThrow(
      'redirects to plain http',
    );
    expect(plain.requests).toEqual([]);
  });

  it('named by a registry that does not know of the proxy before it is https all the same', async () => {
    await using registry = await FakeRegistry.start({ tls });
    const name = outside(registry);
    registry.intercept = (request, response) => {
      if (request.method !== 'POST') return false;
      registry.uploads.set('one', Buffer.alloc(0));
      send(response, 202, { location: `http://${name}/v2/team/app/blobs/uploads/one?_state=a%2Bb` });
      return true;
    };
    const trust = new TrustFolders({ folders: [], authorityFiles: [join(folder.path, 'ca.crt')] });
    const { blobOf, opener } = await import('./clients.js');
    const { parseRepositoryName } = await import('../../src/oci/index.js');
    const blob = blobOf(10);
    const repository = openClient({ trust }).repository(name, parseRepositoryName('team/app'));
    expect(await repository.push(blob.descriptor, opener(blob))).toBe('sent');
  });
});

describe('what is no registry', () => {
  it('may be nobody at all', async () => {
    const name = `127.0.0.1:${await freePort()}`;
    await expect(openClient().ping(name)).rejects.toThrow(
      `cannot reach ${name}: nothing listens there (connection refused)`,
    );
  });

  it('may have no address', async () => {
    await expect(openClient().ping('nowhere.invalid')).rejects.toThrow(
      /cannot reach nowhere.invalid: (there is no host nowhere.invalid|getaddrinfo EAI_AGAIN)/,
    );
  });

  it('may speak something else', async () => {
    await using other = await listen((socket) => socket.end('SSH-2.0-OpenSSH_9\r\n'));
    await expect(openClient({ retries: 0 }).ping(other.address)).rejects.toThrow(
      'what it answers is not HTTP',
    );
  });

  it('may say nothing', async () => {
    await using other = await listen(() => {});
    const client = openClient({ silenceMs: 100, retries: 0, plainHttp: () => true });
    await expect(client.ping(other.address)).rejects.toThrow('the registry did not answer for 0.1 s');
  });

  it('may be some web server', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (_request, response) => {
      send(response, 404, { 'content-type': 'text/html' }, '<html>');
      return true;
    };
    await expect(openClient().ping(registry.address)).rejects.toThrow('is not a registry: there is no /v2/');
  });

  it('may answer without end', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (request, response) => {
      if (!request.url?.includes('/manifests/')) return false;
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' });
      const more = () => response.write(Buffer.alloc(65536), () => !response.destroyed && more());
      more();
      return true;
    };
    await expect(repositoryAt(registry).readManifest('v1')).rejects.toThrow(
      'the answer has more than 8388608 bytes',
    );
  });
});

describe('a busy registry', () => {
  it.each([408, 429, 500, 502, 503, 504])('is asked again after %i', async (status) => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (_request, response, count) => {
      if (count > 2) return false;
      send(response, status, { 'retry-after': '0' });
      return true;
    };
    await openClient().ping(registry.address);
  });

  it('is given the time that it wants', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (_request, response, count) => {
      if (count > 1) return false;
      send(response, 429, { 'retry-after': '1' });
      return true;
    };
    const start = performance.now();
    await openClient().ping(registry.address);
    expect(performance.now() - start).toBeGreaterThan(1000);
  });

  it.each([
    { after: '3600', why: 'too long to wait', requests: 1 },
    { after: '0', why: 'too often', requests: 4 },
  ])('fails in the end: $why', async ({ after, requests }) => {
    await using registry = await FakeRegistry.start();
    await openClient().ping(registry.address);
    registry.intercept = (request, response) => {
      if (!request.url?.includes('/manifests/')) return false;
      response.setHeader('retry-after', after);
      fail(response, 429, 'TOOMANYREQUESTS', 'slow down');
      return true;
    };
    const failed = repositoryAt(registry).readManifest('v1');
    await expect(failed).rejects.toThrow(RateLimitError);
    await expect(failed).rejects.toThrow(
      `too many requests (slow down); try again after ${after} s; logging in may raise`,
    );
    expect(registry.count('GET', /manifests/)).toBe(requests);
  });

  it('is asked again after a drop', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (request, _response, count) => {
      if (count > 2 || request.url === '/v2/') return false;
      request.socket.destroy();
      return true;
    };
    await expect(repositoryAt(registry).readManifest('v1')).rejects.toThrow('no such image');
    expect(registry.count('GET', /manifests/)).toBe(3);
  });
});

describe('redirects', () => {
  it('are followed', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (request, response) => {
      if (request.url !== '/v2/') return false;
      send(response, 308, { location: '/v2/elsewhere/blobs/none' });
      return true;
    };
    await openClient()
      .ping(registry.address)
      .catch(() => {});
    expect(registry.log).toContain('GET /v2/elsewhere/blobs/none');
  });

  it('end', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (_request, response) => {
      send(response, 302, { location: '/v2/?again' });
      return true;
    };
    await expect(openClient({ retries: 0 }).ping(registry.address)).rejects.toThrow('more than 5 redirects');
  });
});

describe('a proxy', () => {
  it('is asked for hosts outside, and not for those of NO_PROXY and loopback ones', async () => {
    await using registry = await FakeRegistry.start();
    await using proxy = await FakeRegistry.start();
    const name = outside(registry);
    const proxyEnv = { HTTP_PROXY: proxy.url };
    await openClient({ plainHttp: () => true, proxyEnv })
      .ping(name)
      .catch(() => {});
    expect(proxy.requests.map(({ url }) => url)).toContain(`http://${name}/v2/`);
    const seen = proxy.requests.length;
    await openClient({ plainHttp: () => true, proxyEnv: { ...proxyEnv, NO_PROXY: OUTSIDE } }).ping(name);
    await openClient({ proxyEnv }).ping(registry.address);
    expect(proxy.requests).toHaveLength(seen);
  });
});

describe('a proxy that does not work', () => {
  it.each([
    { variable: 'HTTPS_PROXY', plainHttp: false },
    { variable: 'ALL_PROXY', plainHttp: true },
  ])('is named, with $variable', async ({ variable, plainHttp }) => {
    const dead = `127.0.0.1:${await freePort()}`;
    const client = openClient({ plainHttp: () => plainHttp, proxyEnv: { [variable]: `me:secret@${dead}` } });
    await expect(client.ping('reg.example')).rejects.toThrow(
      `cannot reach reg.example: cannot reach the proxy http://me:***@${dead} (from ${variable}): nothing listens there`,
    );
  });

  it('is named when it refuses', async () => {
    const proxy = createHttpServer().on('connect', (_request, socket) =>
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    );
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await expect(openClient({ proxyEnv: { HTTPS_PROXY: url } }).ping('reg.example')).rejects.toThrow(
      `the proxy ${url} (from HTTPS_PROXY) does not lead to reg.example: 407 Proxy Authentication Required`,
    );
    proxy.close();
  });

  it('is named when it is of another kind', async () => {
    const proxyEnv = { ALL_PROXY: 'socks4://s.lan:1080' };
    await expect(openClient({ proxyEnv }).ping('reg.example')).rejects.toThrow(
      'cannot reach reg.example: ALL_PROXY=socks4://s.lan:1080 is no proxy that can be used here',
    );
  });
});

describe('a proxy for https', () => {
  it('is asked for a tunnel', async () => {
    await using registry = await FakeRegistry.start({ tls });
    const asked: string[] = [];
    const proxy = createHttpServer().on('connect', (request, socket) => {
      asked.push(request.url ?? '');
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket
        .pipe(connect(registry.port, '127.0.0.1'))
        .on('error', () => {})
        .pipe(socket)
        .on('error', () => {});
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const proxyEnv = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
    const trust = new TrustFolders({ folders: [], authorityFiles: [join(folder.path, 'ca.crt')] });
    await using client = openClient({ trust, proxyEnv });
    await client
      .ping('localhost.example:443')
      .catch((error: Error) => expect(error.message).toContain('not valid'));
    await client.ping(outside(registry));
    expect(asked).toEqual(['localhost.example:443', outside(registry)]);
    proxy.closeAllConnections();
    proxy.close();
  });
});

describe('lists', () => {
  it('go on from page to page, on the same host', async () => {
    await using registry = await FakeRegistry.start();
    const tags = ['a', 'b', 'c', 'd', 'e'];
    registry.intercept = (request, response) => {
      const url = new URL(request.url ?? '', registry.url);
      if (!url.pathname.endsWith('/tags/list')) return false;
      const start = tags.indexOf(url.searchParams.get('last') ?? '') + 1;
      const page = tags.slice(start, start + 2);
      const more = start + 2 < tags.length;
      const link = `<https://wrong.example:9/v2/team/app/tags/list?n=2&last=${page.at(-1)}>; rel="next"`;
      send(response, 200, more ? { link } : {}, JSON.stringify({ name: 'team/app', tags: page }));
      return true;
    };
    expect(await Array.fromAsync(repositoryAt(registry).tags())).toEqual(tags);
    expect(await Array.fromAsync(repositoryAt(registry).tags({ last: 'c', pageSize: 2 }))).toEqual([
      'd',
      'e',
    ]);
  });

  it('say what is not there', async () => {
    await using registry = await FakeRegistry.start();
    await expect(Array.fromAsync(repositoryAt(registry).tags())).rejects.toThrow(
      `no such image: ${registry.address}/team/app`,
    );
  });

  it('take smaller pages from registries that want so', async () => {
    await using registry = await FakeRegistry.start();
    registry.intercept = (request, response) => {
      if (!request.url?.startsWith('/v2/_catalog')) return false;
      if (request.url.includes('n=')) fail(response, 400, 'PAGINATION_NUMBER_INVALID');
      else send(response, 200, {}, JSON.stringify({ repositories: ['x', 'y'] }));
      return true;
    };
    expect(await Array.fromAsync(openClient().catalog(registry.address))).toEqual(['x', 'y']);
  });
});

async function listen(onSocket: (socket: import('node:net').Socket) => void) {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, [Symbol.asyncDispose]: async () => void server.close() };
}

describe('kept connections', () => {
  it('that the registry has closed meanwhile are no failure', async () => {
    await using registry = await FakeRegistry.start();
    const repository = repositoryAt(registry, 'team/app', { retries: 0 });
    const missing = expect.objectContaining({ name: 'ImageNotFoundError' });
    await Promise.all([1, 2, 3].map(() => expect(repository.resolve('v1')).rejects.toEqual(missing)));
    registry.intercept = (request) => {
      if (seen.has(request.socket)) return false;
      seen.add(request.socket);
      request.socket.destroy();
      return true;
    };
    const seen = new Set<unknown>();
    const failed = await repository.resolve('v1').catch((error: Error) => error.name);
    // New connections are cut as well, which is one.
    expect(failed).toBe('UnreachableError');
    expect(seen.size).toBeGreaterThan(1);
  });
});
