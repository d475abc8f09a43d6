import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { randomLayer } from '../support/layers.js';
import { digestOf } from '../support/oci-layout.js';
import { cleanEnvironment, run } from '../support/run.js';
import { SocksServer } from '../support/socks-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { Terminal } from '../support/terminal.js';

/** Leads to this machine, but is no loopback address for the client. */
const OUTSIDE = '0.0.0.0';

let folder: TemporaryFolder;
/** Open to everybody, and with a login. */
let open: BerthProcess;
let closed: BerthProcess;

beforeAll(async () => {
  folder = await temporaryFolder('known-flags');
  const path = join(folder.path, 'htpasswd');
  await writeHtpasswd(path, { alice: 'secret' });
  open = await BerthProcess.start();
  closed = await BerthProcess.start({ config: { auth: { htpasswd: { realm: 'Team', path } } } });
  const layer = await randomLayer(10_000);
  await run([BERTH, 'import', '-c', 'ENV A=b', '-c', 'LABEL team=blue', '-', 'app:1'], {
    env: env(),
    input: layer,
  });
  await berth('push', 'app:1', `${open.address}/team/app:1`);
  await berth('push', 'app:1', `${open.address}/team/app:sha256-${'0'.repeat(64)}.sig`);
});

afterAll(async () => {
  await open?.[Symbol.asyncDispose]();
  await closed?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

const env = () => cleanEnvironment({ HOME: folder.path, BERTH_ROOT: join(folder.path, 'root') });
const berth = (...args: readonly string[]) => run([BERTH, ...args], { env: env() });
const skopeo = (command: string, ...args: readonly string[]) =>
  run(['skopeo', command, '--tls-verify=false', ...args], { env: env() });
const name = () => `docker://${open.address}/team/app:1`;

describe('as in skopeo', () => {
  it('a copy has credentials for either side', async () => {
    const to = `docker://${closed.address}/team/app:1`;
    const digestFile = join(folder.path, 'digest');
    await expect(berth('copy', name(), to)).rejects.toThrow('unauthorized');
    await expect(berth('copy', '--src-creds=alice:secret', name(), to)).rejects.toThrow('unauthorized');
    const more = ['--image-parallel-copies=2', '--dest-compress'];
    await berth('copy', ...more, name(), `${name()}-packed`);
    await berth('delete', `${name()}-packed`);
    const flags = ['--all', '--dest-creds=alice:secret', '--preserve-digests', `--digestfile=${digestFile}`];
    await berth('copy', ...flags, name(), to);
    await berth(
      'copy',
      '-a',
      '--src-creds=alice:secret',
      '--dest-no-creds',
      '--format=v2s2',
      to,
      `${name()}-docker`,
    );
    const digest = await readFile(digestFile, 'utf8');
    expect(digest.trim()).toBe((await berth('digest', '--creds=alice:secret', to)).trim());
    expect(await berth('manifest', `${name()}-docker`)).toContain('vnd.docker.distribution.manifest.v2+json');
    await berth('delete', `${name()}-docker`);
  });

  it('--tls-verify=false takes plain http', async () => {
    const outside = name().replace('127.0.0.1', OUTSIDE);
    await expect(berth('digest', outside)).rejects.toThrow('https');
    await berth('digest', '--tls-verify=false', outside);
    const to = `oci:${join(folder.path, 'layout')}:1`;
    await expect(berth('copy', '--dest-tls-verify=false', outside, to)).rejects.toThrow('https');
    await berth('copy', '--src-tls-verify=false', outside, to);
  });

  it.each([
    ['--preserve-digests', '--compression=zstd'],
    ['--preserve-digests', '--format=v2s2'],
  ])('a copy refuses %s with %s', async (...flags) =>
    expect(berth('copy', ...flags, name(), `${name()}x`)).rejects.toThrow(flags[1]?.split('=')[0]),
  );

  it('inspect tells of an image in its registry', async () => {
    const told = JSON.parse(await skopeo('inspect', name()));
    expect(JSON.parse(await berth('inspect', name()))).toMatchObject({
      ...told,
      Created: expect.any(String),
    });
    expect(await berth('inspect', '-n', '-f', '{{.Name}} {{.Labels.team}} {{len .RepoTags}}', name())).toBe(
      `${open.address}/team/app blue 0\n`,
    );
    expect(await berth('inspect', '--raw', name())).toBe(await skopeo('inspect', '--raw', name()));
    // skopeo writes no zeros at the end of a second's fraction.
    const parse = (text: string) =>
      JSON.parse(text, (key, value) => (key === 'created' ? Date.parse(value) : value));
    const config = parse(await skopeo('inspect', '--config', name()));
    expect(parse(await berth('inspect', '--config', name()))).toMatchObject(config);
    const format = [
      '--config',
      '--format',
      '{{.OS}} {{.RootFS.Type}} {{(index .History 0).CreatedBy}} {{.Config.Env}}',
    ];
    expect(await berth('inspect', ...format, name())).toBe(await skopeo('inspect', ...format, name()));
    expect(parse(await berth('inspect', '--config', 'app:1'))).toMatchObject(config);
    const id = (await berth('inspect', '-f', '{{.Id}}', 'app:1')).trim();
    expect(digestOf(Buffer.from(await berth('inspect', '--raw', '--config', 'app:1')))).toBe(id);
  });

  it('a copy has other names besides', async () => {
    const archive = join(folder.path, 'named.tar');
    const more = ['--additional-tag', 'other:2', '--additional-tag=reg.example/x:3'];
    await berth('--insecure-policy', 'copy', ...more, name(), `docker-archive:${archive}:named:1`);
    expect(JSON.parse(await berth('list-tags', `docker-archive:${archive}`)).Tags.toSorted()).toEqual(
      JSON.parse(await run(['skopeo', 'list-tags', `docker-archive:${archive}`])).Tags.toSorted(),
    );
    const env = { ...cleanEnvironment({ HOME: folder.path }), BERTH_ROOT: join(folder.path, 'named') };
    expect((await run([BERTH, 'load', '-i', archive], { env })).trim().split('\n').toSorted()).toEqual([
      'Loaded image: named:1',
      'Loaded image: other:2',
      'Loaded image: reg.example/x:3',
    ]);
    await expect(berth('copy', ...more, name(), `${name()}-more`)).rejects.toThrow('--additional-tag is for');
  });

  it('a copy asks for a password', async () => {
    const to = `docker://${closed.address}/team/asked:1`;
    await expect(berth('copy', '--dest-creds=alice', name(), to)).rejects.toThrow('alice:password');
    const command = `${BERTH} copy -q --dest-creds alice ${name()} ${to}`;
    await using terminal = await Terminal.start(command, { columns: 100, rows: 20, env: env() });
    await terminal.until(/^Password of alice:/);
    await terminal.type('secret');
    expect((await terminal.until(/^ended with/)).join('\n')).toContain('ended with 0');
    expect(await terminal.everything()).not.toContain('secret');
    expect(await berth('digest', '--creds=alice:secret', to)).toBe(await berth('digest', name()));
  });

  it('a SOCKS proxy of the environment is asked', async () => {
    await using proxy = await SocksServer.start();
    const url = `socks5://${proxy.address}`;
    const given = { ...env(), HTTP_PROXY: url, HTTPS_PROXY: url };
    const elsewhere = name().replace('127.0.0.1', 'reg.example');
    const commands = [
      [BERTH, 'inspect', '--raw', '--plain-http'],
      ['skopeo', 'inspect', '--raw', '--tls-verify=false'],
    ];
    const [ours, theirs] = await Promise.all(
      commands.map((command) => run([...command, elsewhere], { env: given })),
    );
    expect(ours).toBe(theirs);
    expect(new Set(proxy.destinations)).toEqual(new Set([open.address.replace('127.0.0.1', 'reg.example')]));
  });

  it('list-tags is JSON', async () => {
    const listed = name().replace(/:1$/, '');
    expect(JSON.parse(await berth('list-tags', listed))).toEqual(
      JSON.parse(await skopeo('list-tags', listed)),
    );
  });
});

describe('as in crane', () => {
  it('names can be whole', async () => {
    const repository = `${open.address}/team/app`;
    const digest = (await berth('digest', `${repository}:1`)).trim();
    expect(await berth('digest', '--full-ref', `${repository}:1`)).toBe(`${repository}@${digest}\n`);
    expect(await berth('ls', '--full-ref', '--omit-digest-tags', repository)).toBe(`${repository}:1\n`);
    expect(await berth('catalog', '--full-ref', open.address)).toBe(`${repository}\n`);
    expect(await berth('manifest', `${repository}:1`)).toBe(
      await berth('manifest', 'get', `${repository}:1`),
    );
  });
});

describe('as in docker', () => {
  it('inspect and history take a platform', async () => {
    const id = (await berth('inspect', '-f', '{{.Id}}', 'app:1')).trim();
    const { Architecture, Os } = JSON.parse(await berth('inspect', 'app:1'))[0];
    const platform = `${Os}/${Architecture}`;
    expect(
      (await berth('inspect', '--type=image', '--platform', platform, '-f', '{{.Id}}', 'app:1')).trim(),
    ).toBe(id);
    expect(await berth('history', '--platform', platform, '-q', '--no-trunc', 'app:1')).toBe(`${id}\n`);
    expect(await berth('history', '--format', '{{.CreatedAt}}', 'app:1')).toMatch(
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n)+$/,
    );
    await expect(berth('inspect', '--platform=linux/s390x', 'app:1')).rejects.toThrow('linux/s390x');
    await expect(berth('inspect', '--type=container', 'app:1')).rejects.toThrow('No such container: app:1');
  });

  it('rmi takes one platform out of an index', async () => {
    const context = join(folder.path, 'context');
    await mkdir(context, { recursive: true });
    await writeFile(
      join(context, 'Dockerfile'),
      'FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY . /\n',
    );
    const platforms = 'linux/amd64,linux/arm64,linux/s390x';
    await berth('build', '-q', '--platform', platforms, '-t', 'many:1', '-t', 'many:2', context);
    await expect(berth('rmi', '--platform=linux/riscv64', 'many:1')).rejects.toThrow(
      'many:1 has no image for linux/riscv64; it has linux/amd64, linux/arm64, linux/s390x',
    );
    expect(await berth('rmi', '--platform', 'linux/arm64,linux/s390x', 'many:1')).toMatch(
      /^(Deleted: sha256:\w+\n){2}$/,
    );
    await expect(berth('inspect', '--platform=linux/arm64', 'many:2')).rejects.toThrow('linux/arm64');
    const left = ['inspect', '--platform=linux/amd64', '-f', '{{.Config.Labels.arch}}', 'many:2'];
    expect(await berth(...left)).toBe('amd64\n');
    await berth('push', '-q', 'many:2', `${open.address}/many/app:2`);
    expect(JSON.parse(await berth('manifest', `${open.address}/many/app:2`)).manifests).toHaveLength(1);
    expect(await berth('rmi', '--platform=linux/amd64', 'many:1')).toBe('Untagged: many:1\n');
    expect(await berth('rmi', '--platform=linux/amd64', 'many:2')).toContain('Deleted: sha256:');
    expect(await berth('images', '-q', 'many')).toBe('');
  });

  it('an image may be called as a transport is', async () => {
    await berth('tag', 'app:1', 'oci:1', 'other:1');
    expect(JSON.parse(await berth('inspect', 'oci:1'))[0].RepoTags).toContain('oci:1');
    await berth('rmi', '--no-prune', 'oci:1', 'other:1');
  });

  it('what registries call an image is known after a push and after a pull', async () => {
    const [pushed, pulled] = [`${open.address}/digests/app`, `${open.address}/team/app`];
    await berth('tag', 'app:1', `${pushed}:1`);
    await berth('push', '-q', `${pushed}:1`);
    await berth('pull', '-q', `${pulled}:1`);
    for (const repository of [pushed, pulled]) {
      const digest = (await berth('digest', `${repository}:1`)).trim();
      expect(JSON.parse(await berth('inspect', `${repository}:1`))[0].RepoDigests).toContain(
        `${repository}@${digest}`,
      );
      expect(await berth('images', '--digests', repository)).toContain(` ${digest} `);
      expect(await berth('images', '-q', '--no-trunc', `${repository}@${digest}`)).not.toBe('');
    }
  });

  it('load takes a directory, if it is a layout', async () => {
    const directory = join(folder.path, 'saved');
    await berth('save', '--format=oci-dir', '-o', directory, 'app:1');
    const loaded = await run([BERTH, 'load', '-i', directory], {
      env: { ...env(), BERTH_ROOT: join(folder.path, 'other') },
    });
    expect(loaded).toBe('Loaded image: app:1\n');
    await expect(berth('load', '-i', join(directory, 'blobs'))).rejects.toThrow('no OCI layout');
  });

  it.each([
    { args: ['images', '--tree'], instead: 'berth manifest inspect' },
    { args: ['manifest', 'create', 'a', '--amend', 'b'], instead: 'berth build --platform' },
  ])('$args says what there is instead', ({ args, instead }) =>
    expect(berth(...args)).rejects.toThrow(instead),
  );

  it('a directory for certificates counts for all registries', async () => {
    await mkdir(join(folder.path, 'certs'), { recursive: true });
    await berth('pull', '-q', '--cert-dir', join(folder.path, 'certs'), `${open.address}/team/app:1`);
  });
});
