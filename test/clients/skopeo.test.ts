import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { busyboxLayer, randomLayer } from '../support/layers.js';
import { digestInLayout, type LayoutDescriptor, OciLayout } from '../support/oci-layout.js';
import { createAuthority } from '../support/private-authority.js';
import { RegistryReader } from '../support/registry-reader.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const ALICE = { name: 'alice', password: 'correct horse' };
const PLAIN = {
  to: ['--dest-tls-verify=false'],
  from: ['--src-tls-verify=false'],
  at: ['--tls-verify=false'],
};

let folder: TemporaryFolder;
let berth: BerthProcess;
let reader: RegistryReader;
let layout: OciLayout;
let single: LayoutDescriptor;
let multi: LayoutDescriptor;
let ten: LayoutDescriptor;

beforeAll(async () => {
  folder = await temporaryFolder('skopeo');
  berth = await BerthProcess.start();
  reader = new RegistryReader(berth.url);
  layout = await OciLayout.create(join(folder.path, 'layout'));
  const base = await busyboxLayer();
  single = await layout.addImage({ layers: [base, randomLayer(3_000_000)] });
  const arm = await layout.addImage({
    layers: [randomLayer(10_000)],
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  });
  multi = await layout.addIndex([single, arm]);
  ten = await layout.addImage({ layers: Array.from({ length: 10 }, () => randomLayer(4_000_000)) });
  await layout.tag('ten', ten);
  await layout.tag('single', single);
  await layout.tag('multi', multi);
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

function skopeo(...args: readonly string[]): Promise<string> {
  return run(['skopeo', ...args]);
}

function push(tag: string, to: string, ...options: readonly string[]): Promise<string> {
  return skopeo('copy', ...PLAIN.to, ...options, `oci:${layout.folder}:${tag}`, `docker://${to}`);
}

describe('skopeo copy', () => {
  it('brings an image in, and out again, byte for byte', async () => {
    await push('single', `${berth.address}/copy/single:v1`);
    const stored = await reader.image('copy/single', 'v1');
    expect(stored.digest).toBe(single.digest);

    const back = join(folder.path, 'back');
    await skopeo('copy', ...PLAIN.from, `docker://${berth.address}/copy/single:v1`, `oci:${back}:v1`);
    expect(await digestInLayout(back, 'v1')).toBe(single.digest);
    await run(['diff', '-r', join(back, 'blobs'), await onlyBlobsOf('single')]);
  });

  it('reads by digest', async () => {
    await push('single', `${berth.address}/copy/digest:v1`);
    const back = join(folder.path, 'by-digest');
    const name = `docker://${berth.address}/copy/digest@${single.digest}`;
    await skopeo('copy', ...PLAIN.from, name, `dir:${back}`);
    expect((await run(['sha256sum', join(back, 'manifest.json')])).slice(0, 64)).toBe(single.digest.slice(7));
  });

  it('brings in all platforms of an index with --all, and one without', async () => {
    await push('multi', `${berth.address}/copy/multi:all`, '--all');
    const stored = await reader.image('copy/multi', 'all');
    expect(stored.digest).toBe(multi.digest);
    expect(stored.images).toHaveLength(2);

    const name = `docker://${berth.address}/copy/multi`;
    await skopeo('copy', ...PLAIN.from, ...PLAIN.to, '--override-arch=amd64', `${name}:all`, `${name}:one`);
    expect((await reader.image('copy/multi', 'one')).digest).toBe(single.digest);
  });

  it("keeps an image in Docker's format as it is", async () => {
    await push('single', `${berth.address}/copy/docker:v1`, '--format=v2s2');
    const stored = await reader.image('copy/docker', 'v1');
    expect(stored.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    const to = `docker://${berth.address}/copy/docker-again:v1`;
    await skopeo('copy', ...PLAIN.from, ...PLAIN.to, `docker://${berth.address}/copy/docker:v1`, to);
    expect((await reader.image('copy/docker-again', 'v1')).digest).toBe(stored.digest);
  });

  it('recompresses with zstd', async () => {
    await push('single', `${berth.address}/copy/zstd:v1`, '--dest-compress-format=zstd');
    const to = join(folder.path, 'zstd');
    await skopeo('copy', ...PLAIN.from, `docker://${berth.address}/copy/zstd:v1`, `oci:${to}:v1`);
    expect(await digestInLayout(to, 'v1')).toBe((await reader.image('copy/zstd', 'v1')).digest);
  });

  it('pushes the same ten layers twice at once, under one name and under two', async () => {
    const names = ['copy/ten:v1', 'copy/ten:v1', 'copy/other-ten:v1'];
    await Promise.all(names.map((name) => push('ten', `${berth.address}/${name}`)));
    for (const repository of ['copy/ten', 'copy/other-ten']) {
      const stored = await reader.image(repository, 'v1');
      expect(stored.digest).toBe(ten.digest);
      expect(stored.layers).toHaveLength(10);
    }
  });
});

describe('skopeo inspect, list-tags, delete and sync', () => {
  it('shows what an image is', async () => {
    await push('single', `${berth.address}/look/at:v1`);
    const name = `docker://${berth.address}/look/at:v1`;
    const shown = JSON.parse(await skopeo('inspect', ...PLAIN.at, name)) as Record<string, unknown>;
    expect(shown).toMatchObject({ Digest: single.digest, Architecture: 'amd64', RepoTags: ['v1'] });
    const raw = await skopeo('inspect', ...PLAIN.at, '--raw', name);
    expect(raw).toBe((await reader.image('look/at', 'v1')).bytes.toString());
  });

  it('lists tags', async () => {
    for (const tag of ['b', 'a', 'C']) await push('single', `${berth.address}/look/tags:${tag}`);
    const answer = await skopeo('list-tags', ...PLAIN.at, `docker://${berth.address}/look/tags`);
    expect((JSON.parse(answer) as { Tags: string[] }).Tags.sort()).toEqual(['C', 'a', 'b']);
  });

  it('deletes an image with all its tags', async () => {
    await push('single', `${berth.address}/look/gone:v1`);
    await push('single', `${berth.address}/look/gone:v2`);
    await skopeo('delete', ...PLAIN.at, `docker://${berth.address}/look/gone:v1`);
    const gone = skopeo('inspect', ...PLAIN.at, `docker://${berth.address}/look/gone:v2`);
    await expect(gone).rejects.toThrow(/manifest unknown/);
    expect(await reader.status(`/v2/look/gone/manifests/${single.digest}`)).toBe(404);
    expect((await reader.image('look/at', 'v1')).digest).toBe(single.digest);
  });

  it('takes a repository to another registry and to a folder', async () => {
    await using other = await BerthProcess.start();
    await push('single', `${berth.address}/look/sync:v1`);
    await push('multi', `${berth.address}/look/sync:v2`, '--all');
    const from = ['sync', ...PLAIN.from, '--src=docker'];
    const to = [...PLAIN.to, '--dest=docker', '--all'];
    await skopeo(...from, ...to, `${berth.address}/look/sync`, `${other.address}/mirror`);
    const there = new RegistryReader(other.url);
    expect(await there.tags('mirror/sync')).toEqual(['v1', 'v2']);
    expect((await there.image('mirror/sync', 'v1')).digest).toBe(single.digest);
    expect((await there.image('mirror/sync', 'v2')).digest).toBe(multi.digest);

    const kept = join(folder.path, 'kept');
    await skopeo(...from, '--dest=dir', `${berth.address}/look/sync:v1`, kept);
    expect((await run(['sha256sum', join(kept, 'sync:v1', 'manifest.json')])).slice(0, 64)).toBe(
      single.digest.slice(7),
    );
  });

  it('says what is missing', async () => {
    const missing = skopeo('inspect', ...PLAIN.at, `docker://${berth.address}/look/nothing:v1`);
    await expect(missing).rejects.toThrow(/(name|manifest) unknown/);
  });
});

describe('a registry with TLS', () => {
  it('takes an image from who trusts its authority and from nobody else', async () => {
    const authority = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    await using secure = await BerthProcess.start({ config: { http: { tls: authority.tls } }, tls: true });
    const trusted = join(folder.path, 'trusted');
    await mkdir(trusted);
    await copyFile(authority.caFile, join(trusted, 'ca.crt'));
    const args = [`oci:${layout.folder}:single`, `docker://${secure.address}/secure:v1`];

    await expect(skopeo('copy', '--dest-tls-verify=true', ...args)).rejects.toThrow(/certificate/);
    await skopeo('copy', '--dest-tls-verify=true', `--dest-cert-dir=${trusted}`, ...args);
    const stored = await new RegistryReader(secure.url, { ca: authority.ca }).image('secure', 'v1');
    expect(stored.digest).toBe(single.digest);
  });
});

describe('a registry with users and rules', () => {
  let guarded: BerthProcess;
  const asAlice = `--dest-creds=${ALICE.name}:${ALICE.password}`;

  beforeAll(async () => {
    const htpasswd = join(folder.path, 'htpasswd');
    await writeHtpasswd(htpasswd, { alice: ALICE.password, bob: 'bob' });
    guarded = await BerthProcess.start({
      config: {
        storage: { filesystem: {}, delete: { enabled: true } },
        auth: { htpasswd: { realm: 'Registry', path: htpasswd } },
        berth: {
          access: [
            { repositories: 'public/*', pull: ['anonymous'], push: ['alice'] },
            { repositories: 'team/*', pull: ['*'], push: ['alice'], delete: ['alice'] },
          ],
        },
      },
    });
  });
  afterAll(() => guarded?.[Symbol.asyncDispose]());

  it('lets nobody push without a login or the right to', async () => {
    const to = `${guarded.address}/public/app:v1`;
    await expect(push('single', to)).rejects.toThrow(/unauthorized|authentication required/i);
    await expect(push('single', to, '--dest-creds=alice:wrong')).rejects.toThrow(
      /unauthorized|username.password/i,
    );
    await expect(push('single', to, '--dest-creds=bob:bob')).rejects.toThrow(/denied/i);
    await push('single', to, asAlice);
    const stored = await new RegistryReader(guarded.url, { user: ALICE }).image('public/app', 'v1');
    expect(stored.digest).toBe(single.digest);
  });

  it('lets everybody pull what is public', async () => {
    await push('single', `${guarded.address}/public/free:v1`, asAlice);
    const name = `docker://${guarded.address}/public/free:v1`;
    expect(await skopeo('inspect', ...PLAIN.at, '--no-creds', name)).toContain(single.digest);
    const copy = join(folder.path, 'public');
    await skopeo('copy', ...PLAIN.from, '--src-no-creds', name, `oci:${copy}:v1`);
    expect(await digestInLayout(copy, 'v1')).toBe(single.digest);
  });

  it('shows what is not public to those who logged in', async () => {
    await push('single', `${guarded.address}/team/app:v1`, asAlice);
    const name = `docker://${guarded.address}/team/app:v1`;
    const stranger = skopeo('inspect', ...PLAIN.at, '--no-creds', name);
    await expect(stranger).rejects.toThrow(/unauthorized|authentication required/i);
    expect(await skopeo('inspect', ...PLAIN.at, '--creds=bob:bob', name)).toContain(single.digest);
  });

  it('lets only those delete who may', async () => {
    await push('single', `${guarded.address}/team/old:v1`, asAlice);
    const name = `docker://${guarded.address}/team/old:v1`;
    await expect(skopeo('delete', ...PLAIN.at, '--creds=bob:bob', name)).rejects.toThrow(/denied/i);
    await skopeo('delete', ...PLAIN.at, `--creds=${ALICE.name}:${ALICE.password}`, name);
  });

  it('keeps a login', async () => {
    const file = join(folder.path, 'auth.json');
    const login = ['login', ...PLAIN.at, `--authfile=${file}`, '--username=alice', '--password-stdin'];
    const wrong = run(['skopeo', ...login, guarded.address], { input: 'wrong' });
    await expect(wrong).rejects.toThrow(/invalid username\/password/);
    await run(['skopeo', ...login, guarded.address], { input: ALICE.password });
    await push('single', `${guarded.address}/team/login:v1`, `--authfile=${file}`);
  });
});

describe('a registry that forbids something', () => {
  it('refuses to delete where deleting is off', async () => {
    await using keeping = await BerthProcess.start({ config: { storage: { filesystem: {} } } });
    await push('single', `${keeping.address}/kept:v1`);
    const deleted = skopeo('delete', ...PLAIN.at, `docker://${keeping.address}/kept:v1`);
    await expect(deleted).rejects.toThrow(/405|unsupported/i);
    expect((await new RegistryReader(keeping.url).image('kept', 'v1')).digest).toBe(single.digest);
  });

  it('serves, but takes nothing, where it is read-only', async () => {
    await push('single', `${berth.address}/frozen:v1`);
    await using frozen = await BerthProcess.start({
      root: berth.root,
      config: {
        storage: { filesystem: {}, delete: { enabled: true }, maintenance: { readonly: { enabled: true } } },
        berth: { index: { path: join(folder.path, 'frozen.sqlite') } },
      },
    });
    const name = `docker://${frozen.address}/frozen:v1`;
    expect(await skopeo('inspect', ...PLAIN.at, name)).toContain(single.digest);
    await expect(push('ten', `${frozen.address}/frozen:v2`)).rejects.toThrow(/405|unsupported|read-only/i);
    await expect(skopeo('delete', ...PLAIN.at, name)).rejects.toThrow(/405|unsupported/i);
    expect(await reader.tags('frozen')).toEqual(['v1']);
  });
});

/** The folder of those blobs of the layout that belong to one image. */
async function onlyBlobsOf(tag: string): Promise<string> {
  const only = join(folder.path, `only-${tag}`);
  await skopeo('copy', `oci:${layout.folder}:${tag}`, `oci:${only}:${tag}`);
  return join(only, 'blobs');
}
