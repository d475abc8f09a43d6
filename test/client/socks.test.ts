import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../src/oci/index.js';
import { freePort } from '../support/free-port.js';
import { SocksServer } from '../support/socks-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { blobOf, collect, openClient, opener } from './clients.js';
import { FakeRegistry } from './fake-registry.js';

async function makeCertificate() {
  await using folder = await temporaryFolder('socks-tls');
  const [key, cert] = [join(folder.path, 'key'), join(folder.path, 'cert')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const files = ['-keyout', key, '-out', cert, '-subj', '/CN=reg.example'];
  execFileSync('openssl', ['req', '-x509', ...kind, ...files], { stdio: 'pipe' });
  return { key: await readFile(key), cert: await readFile(cert) };
}

describe('a SOCKS proxy', () => {
  it.each(['socks5', 'socks5h'])('leads to plain http, by the name of the host, as %s', async (scheme) => {
    await using registry = await FakeRegistry.start();
    await using proxy = await SocksServer.start();
    const name = `reg.example:${registry.port}`;
    await using client = openClient({
      plainHttp: () => true,
      proxyEnv: { HTTP_PROXY: `${scheme}://${proxy.address}` },
    });
    const repository = client.repository(name, parseRepositoryName('team/app'));
    const blob = blobOf(3 * 1024 * 1024);
    await repository.push(blob.descriptor, opener(blob));
    expect((await collect(await repository.fetch(blob.descriptor))).equals(blob.bytes)).toBe(true);
    expect(new Set(proxy.destinations)).toEqual(new Set([name]));
  });

  it('leads to https, with a login', async () => {
    await using registry = await FakeRegistry.start({ tls: await makeCertificate() });
    await using proxy = await SocksServer.start({ login: 'me:p@ss/word' });
    const proxyEnv = { ALL_PROXY: `socks5h://me:${encodeURIComponent('p@ss/word')}@${proxy.address}` };
    await using client = openClient({ insecure: () => true, proxyEnv });
    await client.ping(`reg.example:${registry.port}`);
    expect(proxy.destinations).toEqual([`reg.example:${registry.port}`]);
    expect(registry.log).toContain('GET /v2/');
  });

  it('is not asked for loopback hosts and those of NO_PROXY', async () => {
    await using registry = await FakeRegistry.start();
    await using proxy = await SocksServer.start();
    const env = { ALL_PROXY: `socks5://${proxy.address}`, NO_PROXY: '0.0.0.0' };
    await openClient({ proxyEnv: env }).ping(registry.address);
    await openClient({ plainHttp: () => true, proxyEnv: env }).ping(`0.0.0.0:${registry.port}`);
    expect(proxy.destinations).toEqual([]);
  });

  it('is named when it leads nowhere', async () => {
    await using proxy = await SocksServer.start({ answer: 4 });
    const client = openClient({ retries: 0, proxyEnv: { HTTPS_PROXY: `socks5://${proxy.address}` } });
    await expect(client.ping('reg.example')).rejects.toThrow(
      `the proxy socks5://${proxy.address} (from HTTPS_PROXY) does not lead to reg.example: it says HostUnreachable`,
    );
  });

  it('is named when it wants another login', async () => {
    await using proxy = await SocksServer.start({ login: 'me:right' });
    const url = `socks5://me:wrong@${proxy.address}`;
    const client = openClient({ retries: 0, proxyEnv: { HTTPS_PROXY: url } });
    await expect(client.ping('reg.example')).rejects.toThrow(
      `the proxy ${url.replace('wrong', '***')} (from HTTPS_PROXY) does not lead to reg.example: Socks5 Authentication failed`,
    );
  });

  it('is named when it is not there', async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const client = openClient({ retries: 0, proxyEnv: { ALL_PROXY: `socks5h://me:secret@${dead}` } });
    await expect(client.ping('reg.example')).rejects.toThrow(
      `cannot reach the proxy socks5h://me:***@${dead} (from ALL_PROXY): nothing listens there`,
    );
  });

  it('may hang up', async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = openClient({ retries: 0, proxyEnv: { ALL_PROXY: `socks5://127.0.0.1:${port}` } });
    await expect(client.ping('reg.example')).rejects.toThrow(`the proxy socks5://127.0.0.1:${port}`);
    server.close();
  });
});
