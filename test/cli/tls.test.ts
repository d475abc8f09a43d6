import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { reportFailure } from '../../src/cli/failure.js';
import { defaultTlsFolder, type InitTlsOptions, initTls } from '../../src/cli/tls.js';
import { loadTls } from '../../src/registry/tls/index.js';

const DAY_MS = 24 * 60 * 60 * 1000;

let parent: string;
let dir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tls-init-'));
  dir = join(parent, 'tls');
});

afterEach(() => rm(parent, { recursive: true }));

async function run(options: Partial<InitTlsOptions> = {}) {
  const output = new PassThrough();
  const notes = new PassThrough();
  const code = await initTls({ dir, output, ...options }).then(
    () => 0,
    (error: unknown) => reportFailure(error, { debug: false, notes }),
  );
  output.end();
  notes.end();
  return { code, output: await text(output), notes: await text(notes) };
}

async function read(name: string): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(dir, name)));
}

describe('tls init', () => {
  it('makes an authority and a certificate that openssl verifies', async () => {
    expect(await run({ names: ['reg.example'] })).toMatchObject({ code: 0, notes: '' });
    const files = (await readdir(dir)).toSorted();
    expect(files).toEqual(['ca.crt', 'ca.key', 'server.crt', 'server.key']);
    const modes = await Promise.all(files.map(async (file) => (await stat(join(dir, file))).mode & 0o777));
    expect(modes).toEqual([0o644, 0o600, 0o644, 0o600]);
    const verify = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'reg.example'];
    execFileSync('openssl', [...verify, '-CAfile', join(dir, 'ca.crt'), join(dir, 'server.crt')], {
      stdio: 'pipe',
    });
    const [authority, server] = [await read('ca.crt'), await read('server.crt')];
    expect(authority.ca).toBe(true);
    expect(server.ca).toBe(false);
    expect(server.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(Date.parse(authority.validTo) - Date.now()).toBeGreaterThan(3649 * DAY_MS);
    expect(Math.round((Date.parse(server.validTo) - Date.now()) / DAY_MS)).toBe(825);
  });

  it('covers the names and addresses of the machine, and those asked for', async () => {
    const before = addressesOfMachine();
    await run({ names: ['Reg.Example', '*.reg.example'], addresses: ['10.9.8.7', '2001:db8:0:0::77'] });
    const server = await read('server.crt');
    // Networks of containers come and go.
    const addresses = addressesOfMachine().filter((address) => before.includes(address));
    expect(addresses).not.toEqual([]);
    for (const address of [...addresses, '127.0.0.1', '::1', '10.9.8.7', '2001:db8::77']) {
      expect(server.checkIP(address)).toBeDefined();
    }
    for (const name of [hostname(), 'localhost', 'reg.example', 'any.reg.example']) {
      expect(server.checkHost(name)).toBeDefined();
    }
  });

  it('makes what the registry can serve and clients trust', async () => {
    await run();
    const { options } = await loadTls({ certificate: join(dir, 'server.crt'), key: join(dir, 'server.key') });
    const server = createServer(options, (_, response) => void response.end()).listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const request = get({ host: 'localhost', port, ca: await readFile(join(dir, 'ca.crt')), agent: false });
    const [response] = await once(request, 'response');
    expect(response.socket.authorized).toBe(true);
    response.resume();
    server.close();
  });

  it('says how to serve with it and how to trust it', async () => {
    const { output } = await run({ names: ['reg.example'], addresses: ['10.9.8.7'], port: 8443 });
    const config = /http:\n(?: .*\n)+/.exec(output)?.[0] ?? '';
    expect(parse(config)).toEqual({
      http: { addr: ':8443', tls: { certificate: join(dir, 'server.crt'), key: join(dir, 'server.key') } },
    });
    for (const file of [
      '/etc/docker/certs.d/reg.example:8443/ca.crt',
      '/etc/containers/certs.d/reg.example:8443/ca.crt',
      '/etc/containerd/certs.d/reg.example:8443/hosts.toml',
      '/etc/rancher/k3s/registries.yaml',
      '/usr/local/share/ca-certificates/berth-ca.crt',
    ]) {
      expect(output).toContain(file);
    }
  });

  it.each([
    { options: { names: ['reg.example'], port: 443 }, folder: '/etc/docker/certs.d/reg.example/ca.crt' },
    { options: { addresses: ['10.9.8.7'] }, folder: '/etc/docker/certs.d/10.9.8.7:5000/ca.crt' },
    { options: { addresses: ['2001:db8::77'] }, folder: '/etc/docker/certs.d/[2001:db8::77]:5000/ca.crt' },
  ])('names the folder $folder', async ({ options, folder }) => {
    expect((await run(options)).output).toContain(folder);
  });

  it('gives advice that makes Chrome trust the authority', async () => {
    const { output } = await run({ names: ['reg.example'] });
    const lines = [...output.matchAll(/^# {3}(mkdir .*nssdb|certutil -d .*)$/gm)].map(([, line]) => line);
    expect(lines).toHaveLength(2);
    const env = { ...process.env, HOME: dir };
    execFileSync('sh', ['-ec', lines.join('\n')], { cwd: dir, env, input: '\n\n', stdio: 'pipe' });
    const verify = ['-d', `sql:${dir}/.pki/nssdb`, '-V', '-u', 'L', '-n', 'berth'];
    expect(execFileSync('certutil', verify, { encoding: 'utf8' })).toContain('certificate is valid');
  });

  it('gives advice that a shell can run', async () => {
    const { output } = await run({ names: ['reg.example'] });
    const advice = output.slice(output.indexOf('# Docker'));
    execFileSync('sh', ['-n', '-c', advice], { stdio: 'pipe' });
  });
});

describe('tls init again', () => {
  it('renews the certificate, with its names and its key', async () => {
    await run({ names: ['reg.example'], addresses: ['2001:db8::77'], days: 10 });
    const before = [await read('server.crt'), await read('ca.crt')] as const;
    const key = await readFile(join(dir, 'server.key'));
    const { code, output } = await run();
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('nothing new') });
    const after = await read('server.crt');
    expect(after.serialNumber).not.toBe(before[0].serialNumber);
    expect(after.checkHost('reg.example')).toBeDefined();
    expect(after.subjectAltName?.match(/2001:DB8/gi)).toHaveLength(1);
    expect((await read('ca.crt')).raw).toEqual(before[1].raw);
    expect(await readFile(join(dir, 'server.key'))).toEqual(key);
  });

  it('makes a new authority only when told to', async () => {
    await run();
    const before = await read('ca.crt');
    expect(await run({ forceCa: true })).toMatchObject({
      code: 0,
      output: expect.stringContaining('New authority'),
    });
    const after = await read('ca.crt');
    expect(after.raw).not.toEqual(before.raw);
    expect((await read('server.crt')).verify(after.publicKey)).toBe(true);
  });

  it.each([
    { what: 'no key', spoil: () => rm(join(dir, 'ca.key')), message: 'without its key' },
    { what: 'no certificate', spoil: () => rm(join(dir, 'ca.crt')), message: 'without its certificate' },
    {
      what: "another's key",
      spoil: () => copyFile(join(dir, 'server.key'), join(dir, 'ca.key')),
      message: 'is not the key of',
    },
  ])('stops at an authority with $what', async ({ spoil, message }) => {
    await run();
    await spoil();
    const before = await readFile(join(dir, 'server.crt'));
    expect(await run()).toMatchObject({ code: 1, notes: expect.stringMatching(`${message}.*--force-ca`) });
    expect(await readFile(join(dir, 'server.crt'))).toEqual(before);
    expect((await readdir(dir)).filter((file) => file.startsWith('.'))).toEqual([]);
    expect(await run({ forceCa: true })).toMatchObject({ code: 0 });
  });
});

describe('tls init refuses', () => {
  it.each<{ options: Partial<InitTlsOptions>; message: string }>([
    { options: { names: ['10.0.0.1'] }, message: 'use --ip 10.0.0.1' },
    { options: { names: ['a b'] }, message: 'not a host name' },
    { options: { names: ['a\nbasicConstraints=CA:TRUE'] }, message: 'not a host name' },
    { options: { addresses: ['reg.example'] }, message: 'not an address' },
    { options: { days: 0 }, message: '--days' },
    { options: { port: 70_000 }, message: '--port' },
  ])('$message', async ({ options, message }) => {
    expect(await run(options)).toMatchObject({ code: 2, notes: expect.stringContaining(message) });
    await expect(stat(dir)).rejects.toThrow('ENOENT');
  });

  it('to work without openssl', async () => {
    const missing = () => Promise.reject(new Error('the program openssl is not installed'));
    expect(await run({ run: missing })).toMatchObject({
      code: 1,
      notes: expect.stringContaining('apt-get install'),
    });
    await expect(stat(dir)).rejects.toThrow('ENOENT');
  });
});

describe('defaultTlsFolder', () => {
  it.each([
    { env: {}, isRoot: true, folder: '/etc/berth/tls' },
    { env: { HOME: '/home/a' }, isRoot: false, folder: '/home/a/.config/berth/tls' },
    { env: { HOME: '/home/a', XDG_CONFIG_HOME: '/x' }, isRoot: false, folder: '/x/berth/tls' },
  ])('is $folder', ({ env, isRoot, folder }) => expect(defaultTlsFolder(env, isRoot)).toBe(folder));
});

function addressesOfMachine(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !address.startsWith('fe80'))
    .map(({ address }) => address);
}
