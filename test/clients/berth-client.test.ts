import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { editFile } from '../../src/cli/file-edit.js';
import { CredentialStore, fixedCredentials, RegistryClient, TrustFolders } from '../../src/client/index.js';
import { ContentNotFoundError, ImageNotFoundError } from '../../src/content/index.js';
import { parseRepositoryName } from '../../src/oci/index.js';
import { blobOf, collect, manifestOf, opener } from '../client/clients.js';
import { CuttingProxy } from '../client/cutting-proxy.js';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { debianConfig } from '../support/debian-registry.js';
import { freePort } from '../support/free-port.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { answers } from '../support/http.js';
import { createAuthority, type PrivateAuthority } from '../support/private-authority.js';
import { cleanEnvironment, RunError, run } from '../support/run.js';
import { ServerProcess } from '../support/server-process.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** Leads to this machine, but is no loopback address for the client: there it wants trust. */
const OUTSIDE = '0.0.0.0';
const ALICE = { user: 'alice', password: randomBytes(12).toString('hex') };

let folder: TemporaryFolder;
let authority: PrivateAuthority;
let htpasswd: string;

beforeAll(async () => {
  folder = await temporaryFolder('berth-client');
  authority = await createAuthority(join(folder.path, 'tls'), [OUTSIDE]);
  htpasswd = join(folder.path, 'htpasswd');
  await writeHtpasswd(htpasswd, { [ALICE.user]: ALICE.password });
});

afterAll(() => folder?.[Symbol.asyncDispose]());

const auth = () => ({ htpasswd: { realm: 'Team', path: htpasswd } });

/** Both want a password by TLS; they take it in different ways. */
const REGISTRIES = [
  {
    name: 'docker-registry',
    // Its locations carry the offset they were made for, and it drops an upload that has gone on since.
    resumes: false,
    async start() {
      const address = `127.0.0.1:${await freePort()}`;
      const root = join(folder.path, 'docker-registry');
      const config = join(folder.path, 'docker-registry.yml');
      const { certificate, key } = authority.tls;
      await mkdir(root);
      await writeFile(
        config,
        debianConfig({ root, address, auth: auth(), http: { addr: address, tls: { certificate, key } } }),
      );
      const registry = await ServerProcess.start({
        command: ['docker-registry', 'serve', config],
        cwd: folder.path,
        env: cleanEnvironment({ OTEL_TRACES_EXPORTER: 'none' }),
        isReady: () => answers(`https://${address}/v2/`),
      });
      return { address: address.replace('127.0.0.1', OUTSIDE), close: () => registry[Symbol.asyncDispose]() };
    },
  },
  {
    name: 'berth serve, with tokens',
    resumes: true,
    async start() {
      const { certificate, key } = authority.tls;
      const berth = await BerthProcess.start({
        tls: true,
        config: {
          auth: auth(),
          http: { addr: '127.0.0.1:0', tls: { certificate, key } },
          berth: { access: [{ repositories: ['**'], pull: ['anonymous'], push: ['*'], delete: ['*'] }] },
        },
      });
      return {
        address: berth.address.replace('127.0.0.1', OUTSIDE),
        close: () => berth[Symbol.asyncDispose](),
      };
    },
  },
];

describe.each(REGISTRIES)('$name', ({ start, resumes }) => {
  let registry: { address: string; close: () => Promise<void> };
  let env: NodeJS.ProcessEnv;
  let client: RegistryClient;

  beforeAll(async () => {
    registry = await start();
    env = cleanEnvironment({ HOME: folder.path, DOCKER_CONFIG: join(folder.path, registry.address) });
    client = openClient(env);
  });

  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await registry?.close();
  });

  function openClient(environment: NodeJS.ProcessEnv): RegistryClient {
    return new RegistryClient({
      credentials: new CredentialStore({ env: environment, editFile }),
      trust: new TrustFolders({ folders: [], authorityFiles: [authority.caFile] }),
      retryBaseMs: 10,
    });
  }

  const repository = (name = 'team/app') => client.repository(registry.address, parseRepositoryName(name));
  const berth = (args: readonly string[], input = '') => run([BERTH, ...args], { env, input });
  const login = (password: string) =>
    berth(
      ['login', '-u', ALICE.user, '--password-stdin', '--ca', authority.caFile, registry.address],
      password,
    );

  it('is not logged in to with a wrong password', async () => {
    const failed = await login('wrong').catch((error: RunError) => error);
    expect(failed).toBeInstanceOf(RunError);
    expect((failed as RunError).stderr).toBe(
      `berth: cannot log in to ${registry.address}: it does not take this user name and password\n`,
    );
    await expect(stat(join(env.DOCKER_CONFIG ?? '', 'config.json'))).rejects.toThrow('ENOENT');
  });

  it('is logged in to', async () => {
    expect(await login(`${ALICE.password}\n`)).toBe('Login Succeeded\n');
    const file = join(env.DOCKER_CONFIG ?? '', 'config.json');
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')).auths)).toEqual([registry.address]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('takes and gives images', async () => {
    const layers = [blobOf(100), blobOf(5_000_000), blobOf(0)];
    const config = blobOf(200);
    const image = manifestOf({
      config: { ...config.descriptor, mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: layers.map(({ descriptor }) => descriptor),
    });
    const target = repository();
    const pushed = await Promise.all(
      [...layers, config].map((blob) => target.push(blob.descriptor, opener(blob))),
    );
    expect(pushed).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(await target.push(image.descriptor, opener(image))).toBe('sent');
    await target.tag(image.descriptor, 'v1');
    await target.tag(image.descriptor, 'v2');

    const source = openClient(env).repository(registry.address, parseRepositoryName('team/app'));
    expect(await source.resolve('v1')).toEqual(image.descriptor);
    expect(await collect(await source.fetch(image.descriptor))).toEqual(image.bytes);
    for (const layer of layers) {
      expect((await collect(await source.fetch(layer.descriptor))).equals(layer.bytes)).toBe(true);
      expect(await target.push(layer.descriptor, opener(layer))).toBe('present');
    }
    const [, large] = layers;
    const tail = await collect(await source.fetch((large ?? config).descriptor, { offset: 4_999_000 }));
    expect(tail).toEqual(large?.bytes.subarray(4_999_000));
    expect(await Array.fromAsync(source.tags())).toEqual(['v1', 'v2']);
    expect(await Array.fromAsync(client.catalog(registry.address))).toContain('team/app');
  });

  it('mounts between repositories', async () => {
    const blob = blobOf(2_000_000);
    await repository('team/base').push(blob.descriptor, opener(blob));
    const mounted = await repository('team/other').push(blob.descriptor, opener(blob), {
      mountFrom: 'team/base',
    });
    expect(mounted).toBe('mounted');
  });

  it('is sent and read what cuts interrupt', async () => {
    await using proxy = await CuttingProxy.start(Number(registry.address.split(':')[1]));
    await using through = new RegistryClient({
      credentials: fixedCredentials(ALICE),
      trust: new TrustFolders({ folders: [], authorityFiles: [authority.caFile] }),
      retryBaseMs: 10,
    });
    const target = through.repository(`${OUTSIDE}:${proxy.port}`, parseRepositoryName('team/cut'));
    const blob = blobOf(20_000_000);
    const opened: number[] = [];
    const open = (offset: number) => {
      opened.push(offset);
      return opener(blob)(offset);
    };
    proxy.cuts.push(5_000_000, 4_000_000);
    expect(await target.push(blob.descriptor, open)).toBe('sent');
    expect(proxy.cuts).toEqual([]);
    expect(opened).toHaveLength(3);
    expect(opened.map((offset) => offset > 0)).toEqual([false, resumes, resumes]);
    proxy.cuts.push(3_000_000, 3_000_000);
    expect((await collect(await target.fetch(blob.descriptor))).equals(blob.bytes)).toBe(true);
    expect(proxy.cuts).toEqual([]);
  });

  it('lists referrers', async () => {
    const config = blobOf(10);
    const target = repository('team/signed');
    await target.push(config.descriptor, opener(config));
    const image = manifestOf({ config: config.descriptor });
    const signature = manifestOf({
      config: config.descriptor,
      subject: image.descriptor,
      artifactType: 'application/x-signature',
    });
    await target.push(image.descriptor, opener(image));
    await target.push(signature.descriptor, opener(signature));
    const referrers = await target.referrers(image.descriptor.digest);
    expect(referrers).toMatchObject([{ ...signature.descriptor, artifactType: 'application/x-signature' }]);
  });

  it('shares logins and certificates with other clients', async () => {
    const certificates = join(folder.path, `${registry.address}.d`);
    await mkdir(certificates);
    await copyFile(authority.caFile, join(certificates, 'ca.crt'));
    const trusted = ['--cert-dir', certificates];
    const ours = join(env.DOCKER_CONFIG ?? '', 'config.json');
    const tags = await run([
      'skopeo',
      'list-tags',
      '--authfile',
      ours,
      ...trusted,
      `docker://${registry.address}/team/app`,
    ]);
    expect(JSON.parse(tags)).toMatchObject({ Tags: ['v1', 'v2'] });

    const copied = [`docker://${registry.address}/team/app:v1`, `oci:${certificates}/copied:v1`];
    await expect(berth(['copy', '--dest-cert-dir', certificates, ...copied])).rejects.toThrow(
      'unknown authority',
    );
    await berth(['copy', '--src-cert-dir', certificates, ...copied]);

    const theirs = join(folder.path, `${registry.address}.json`);
    const login = ['skopeo', 'login', '--authfile', theirs, ...trusted, '-u', ALICE.user, '--password-stdin'];
    await run([...login, registry.address], { input: ALICE.password });
    const found = await new CredentialStore({ env, editFile, authFile: theirs }).find(registry.address);
    expect(found).toEqual(ALICE);
    await berth(['logout', '--auth-file', theirs, registry.address]);
    expect(JSON.parse(await readFile(theirs, 'utf8'))).toEqual({ auths: {} });
  });

  it('deletes', async () => {
    const config = blobOf(10);
    const target = repository('team/gone');
    await target.push(config.descriptor, opener(config));
    const image = manifestOf({ config: config.descriptor });
    await target.push(image.descriptor, opener(image));
    await target.tag(image.descriptor, 'v1');
    await target.deleteManifest(image.descriptor.digest);
    await expect(target.resolve('v1')).rejects.toThrow(ImageNotFoundError);
    await expect(target.fetch(blobOf(5).descriptor)).rejects.toThrow(ContentNotFoundError);
  });

  it('is forgotten by berth logout', async () => {
    expect(await berth(['logout', registry.address])).toBe(
      `Removed login credentials for ${registry.address}\n`,
    );
    expect(await berth(['logout', registry.address])).toBe(`Not logged in to ${registry.address}\n`);
    const blob = blobOf(10);
    const nobody = openClient(env).repository(registry.address, parseRepositoryName('team/app'));
    await expect(nobody.push(blob.descriptor, opener(blob))).rejects.toThrow(
      `log in with: berth login ${registry.address}`,
    );
  });
});
