import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { http } from '../support/http.js';
import { run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const PLATFORMS = ['--platform', 'linux/amd64,linux/arm64'];

let place: BuildPlace;
let registry: BerthProcess;
let context: string;

beforeAll(async () => {
  place = await BuildPlace.create('outputs');
  registry = await BerthProcess.start();
  const base = await place.context({ Dockerfile: 'FROM scratch\nCOPY <<E /base\nbase\nE\n' });
  const name = `${registry.address}/base:1`;
  await place.berth('build', '-q', ...PLATFORMS, '--push', '-t', name, base);
  await place.berth('rmi', name); // so that it comes back as a registry has it: compressed
  context = await place.context({
    Dockerfile: `FROM ${name}\nARG TARGETARCH\nCOPY app /app\nCOPY <<E /arch-$TARGETARCH\nE\n`,
    app: 'app',
  });
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

async function build(...args: readonly string[]) {
  const metadata = place.path(`metadata-${Math.random().toString(36).slice(2)}.json`);
  const id = (await place.berth('build', '-q', '--metadata-file', metadata, ...args, context)).trim();
  return { id, metadata: JSON.parse(await readFile(metadata, 'utf8')) };
}

async function manifest(path: string) {
  const types = ['manifest', 'index'].map((type) => `application/vnd.oci.image.${type}.v1+json`);
  const docker = ['', '.list'].map((list) => `application/vnd.docker.distribution.manifest${list}.v2+json`);
  const { status, headers, body } = await http(`${registry.url}/v2/${path}`, {
    headers: { accept: [...types, ...docker].join(', ') },
  });
  if (status !== 200) throw new Error(`${path}: ${status}`);
  return { digest: headers['docker-content-digest'], ...JSON.parse(body.toString()) };
}

const typesOf = ({ layers }: { layers: readonly { mediaType: string }[] }) =>
  layers.map(({ mediaType }) => mediaType.replace(/^.*\.tar/, ''));

/** The entries of index.json in a tar, and what they lead to. */
async function archived(file: string) {
  const read = async (path: string) => JSON.parse(await run(['tar', '-xOf', file, path]));
  const { manifests } = await read('index.json');
  const [first] = manifests;
  return { entries: manifests, root: await read(`blobs/${first.digest.replace(':', '/')}`) };
}

describe('progress', () => {
  it('shows the layers of a base that is pulled', async () => {
    const command = `exec "$0" build --root "$1" --progress=plain "$2" 2>&1`;
    const said = await run(['sh', '-c', command, BERTH, place.path('fresh'), context]);
    expect(said).toMatch(/^#\d+ [0-9a-f]{12} {2}\S+B {2}done$/m);
  });
});

describe('type=image', () => {
  it('is in the store under all names, and sent when push is true', async () => {
    const names = [`${registry.address}/image:1`, `${registry.address}/image:2`];
    const output = `type=image,"name=${names.join(',')}",push=true`;
    const { id, metadata } = await build('-t', `${registry.address}/image:3`, '-o', output);
    const sent = await manifest('image/manifests/2');
    expect((await manifest('image/manifests/3')).digest).toBe(sent.digest);
    expect(metadata).toMatchObject({
      'containerimage.config.digest': id,
      'containerimage.digest': sent.digest,
      'containerimage.descriptor': {
        digest: sent.digest,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        annotations: { 'config.digest': id },
        platform: { os: 'linux' },
      },
      'image.name': `${registry.address}/image:3,${names.join(',')}`,
    });
    expect(await place.berth('images', '-q', '--no-trunc', `${registry.address}/image`)).toContain(id);
  });

  it('is sent without a tag, and without staying here', async () => {
    const name = `${registry.address}/untagged`;
    const output = `type=image,name=${name},push-by-digest=true,name-canonical=true,push=true,store=false`;
    const { metadata } = await build('-o', output);
    const sent = await manifest(`untagged/manifests/${metadata['containerimage.digest']}`);
    expect(sent.layers.length).toBe(3);
    expect((await http(`${registry.url}/v2/untagged/manifests/latest`)).status).toBe(404);
    expect(await place.berth('images', '-q', name)).toBe('');
  });

  it('is sent by --push beside other outputs too', async () => {
    const archive = place.path('beside.tar');
    await build('--push', '-t', `${registry.address}/beside:1`, '-o', `type=oci,dest=${archive}`);
    expect((await manifest('beside/manifests/1')).digest).toBe((await archived(archive)).entries[0].digest);
  });

  it.each([
    { options: '', types: ['+gzip', '+gzip', '+gzip'] },
    { options: ',compression=zstd,compression-level=1', types: ['+gzip', '+zstd', '+zstd'] },
    { options: ',compression=zstd,force-compression=true', types: ['+zstd', '+zstd', '+zstd'] },
    { options: ',compression=uncompressed', types: ['+gzip', '', ''] },
    { options: ',compression=uncompressed,force-compression=true', types: ['', '', ''] },
    {
      options: ',compression=gzip,compression-level=9,oci-mediatypes=false',
      types: ['.gzip', '.gzip', '.gzip'],
    },
  ])('is compressed as it says: $options', async ({ options, types }) => {
    const repository = `compressed-${Math.random().toString(36).slice(2)}`;
    await build('-o', `type=registry,name=${registry.address}/${repository}:1${options}`);
    const sent = await manifest(`${repository}/manifests/1`);
    expect(typesOf(sent)).toEqual(types);
    expect(sent.mediaType).toContain(options.includes('oci-mediatypes') ? 'docker' : 'oci');
    // And it is what a client makes of it.
    await run([BERTH, 'pull', '-q', '--root', place.path('pulled'), `${registry.address}/${repository}:1`]);
  });
});

describe('type=oci and type=docker', () => {
  it('are files, standard output, and a directory', async () => {
    const file = place.path('oci.tar');
    await build('-t', 'app:1', '-o', `type=oci,dest=${file}`);
    const streamed = await run([BERTH, 'build', '-q', '-t', 'app:1', '-o', 'type=oci', context], {
      env: place.environment(),
    });
    expect(streamed).toContain('org.opencontainers.image.ref.name');
    const directory = place.path('oci-directory');
    await build('-o', `type=oci,tar=false,name=other:2,dest=${directory}`);
    const { manifests } = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
    const found = await archived(file);
    expect(manifests[0].digest).toBe(found.entries[0].digest);
    expect(manifests[0].annotations).toEqual({
      'org.opencontainers.image.ref.name': 'docker.io/library/other:2',
    });
    expect(typesOf(found.root)).toEqual(['+gzip', '+gzip', '+gzip']);
    for (const source of [
      `oci-archive:${file}:docker.io/library/app:1`,
      `oci:${directory}:docker.io/library/other:2`,
    ])
      expect(JSON.parse(await run(['skopeo', 'inspect', source])).Layers.length).toBe(3);
  });

  it('are compressed as they say', async () => {
    const file = place.path('zstd.tar');
    const { metadata } = await build('-o', `type=oci,dest=${file},compression=zstd,force-compression=true`);
    const { entries, root } = await archived(file);
    expect(typesOf(root)).toEqual(['+zstd', '+zstd', '+zstd']);
    expect(metadata['containerimage.digest']).toBe(entries[0].digest);
  });

  it('may be for docker', async () => {
    const file = place.path('docker.tar');
    const { id } = await build('-t', 'for-docker:1', '-o', `type=docker,dest=${file}`);
    const [entry] = JSON.parse(await run(['tar', '-xOf', file, 'manifest.json']));
    expect(entry.RepoTags).toEqual(['for-docker:1']);
    expect(entry.Config).toContain(id.replace('sha256:', ''));
    expect(JSON.parse(await run(['skopeo', 'inspect', `docker-archive:${file}`])).Layers.length).toBe(3);
  });
});

describe('type=local and type=tar', () => {
  it('are files, in a directory for each platform or all in one', async () => {
    const [split, one] = [place.path('split'), place.path('one')];
    await build(...PLATFORMS, '-o', `type=local,dest=${split}`, '-o', `type=tar,dest=${split}.tar`);
    await build(...PLATFORMS, '-o', `type=local,dest=${one},platform-split=false`);
    expect((await stat(join(split, 'linux_arm64/arch-arm64'))).isFile()).toBe(true);
    expect((await stat(join(one, 'arch-arm64'))).isFile()).toBe(true);
    expect((await stat(join(one, 'arch-amd64'))).isFile()).toBe(true);
    expect(await run(['tar', '-tf', `${split}.tar`])).toContain('linux_amd64/app\n');
  });

  it('keeps times of links, pipes, and devices for root', async () => {
    const [tree, out] = [place.path('tree'), place.path('special')];
    const script = 'mkdir tree; cd tree; ln -s a link; mkfifo -m 640 pipe; mknod -m 666 null c 1 3 || :';
    await run(['sh', '-c', `${script}; touch -h -d @1000000000 *; tar -cf ../tree.tar *`], {
      cwd: dirname(tree),
    });
    const special = await place.context({ Dockerfile: 'FROM scratch\nADD tree.tar /\n' });
    await copyFile(`${tree}.tar`, join(special, 'tree.tar'));
    await place.berth('build', '-q', '-o', out, special);
    const shown = await run(['find', out, '-mindepth', '1', '-printf', '%f %y %m %T@\n']);
    const device = process.getuid?.() === 0 ? ['null c 600 1000000000.0000000000'] : [];
    expect(shown.trim().split('\n').sort()).toEqual([
      'link l 777 1000000000.0000000000',
      ...device,
      'pipe p 640 1000000000.0000000000',
    ]);
  });

  it('may carry statements under other names', async () => {
    const out = place.path('prefixed');
    await mkdir(out);
    await build('--sbom', '-o', `type=local,dest=${out},attestation-prefix=about-`);
    expect((await stat(join(out, 'about-sbom.spdx.json'))).isFile()).toBe(true);
  });
});

describe('what an image is labelled with', () => {
  it('may be on manifests, on the index, and on what lists them, for one platform or all', async () => {
    const file = place.path('annotated.tar');
    const annotations = [
      'annotation.org.example.All=a',
      'annotation-manifest[linux/arm64].arm=b',
      'annotation-index.top=c',
      'annotation-manifest-descriptor.listed=d',
      'annotation-index-descriptor.layout=e',
    ];
    await build(
      ...[...PLATFORMS, '-o', [`type=oci,dest=${file}`, ...annotations].join(',')],
      ...['--annotation', 'index,manifest[linux/amd64]:flag=f'],
    );
    const { entries, root } = await archived(file);
    expect(entries[0].annotations).toEqual({ layout: 'e' });
    expect(root.annotations).toEqual({ top: 'c', flag: 'f' });
    const [amd, arm] = await Promise.all(
      root.manifests.map(async ({ digest, annotations: listed }: { digest: string; annotations: object }) => {
        expect(listed).toEqual({ listed: 'd' });
        return JSON.parse(await run(['tar', '-xOf', file, `blobs/${digest.replace(':', '/')}`])).annotations;
      }),
    );
    expect(amd).toEqual({ 'org.example.All': 'a', flag: 'f' });
    expect(arm).toEqual({ 'org.example.All': 'a', arm: 'b' });
  });

  it('is not of an index where there is none', async () => {
    const failure = await place.failure('build', '--annotation', 'index:a=b', context);
    expect(failure.stderr).toContain('annotations of an index need one');
  });

  it('is of something that there is', async () => {
    const failure = await place.failure('build', '--annotation', 'layer:a=b', context);
    expect(failure.stderr).toContain(
      'an annotation is of manifest, index, manifest-descriptor, index-descriptor',
    );
    await place.berth('build', '-q', '--annotation', 'org.example.source=https://x/', context);
  });
});

describe('rewrite-timestamp', () => {
  it('makes files no newer than SOURCE_DATE_EPOCH', async () => {
    const file = place.path('rewritten.tar');
    const epoch = ['--source-date-epoch', '1000000000'];
    await build(...epoch, '-o', `type=oci,dest=${file},rewrite-timestamp=true,compression=uncompressed`);
    const { root } = await archived(file);
    const layer = `blobs/${root.layers[1].digest.replace(':', '/')}`;
    const listed = await run([
      'sh',
      '-c',
      'tar -xOf "$0" "$1" | tar -tv --utc --full-time -f -',
      file,
      layer,
    ]);
    expect(listed).toContain('2001-09-09 01:46:40 app');
  });
});

describe('--output', () => {
  it.each([
    { output: 'type=oci,desst=x', message: 'type=oci has no option desst (did you mean dest?)' },
    { output: 'type=image,compression=lzma', message: 'it is gzip, zstd or uncompressed' },
    { output: 'type=image,compression=gzip,compression-level=10', message: 'of gzip it is 0 to 9' },
    { output: 'type=image,push=perhaps', message: 'it is true or false' },
    { output: 'type=local', message: 'needs dest=<directory>' },
    { output: 'type=oci,tar=false', message: 'needs dest=<directory>' },
    { output: 'type=docker,tar=false,dest=x', message: 'is a tar' },
    { output: 'type=local,dest=x,mode=delete', message: 'nothing is removed' },
    { output: 'dest=x', message: 'type= is missing' },
    { output: 'type=image,push=true', message: '--push needs a name' },
  ])('is refused with a reason: $output', async ({ output, message }) => {
    const failure = await place.failure('build', '-o', output, context);
    expect(failure.code).toBe(2);
    expect(failure.stderr).toContain(message);
  });

  it('goes to standard output once', async () => {
    const failure = await place.failure('build', '-o', '-', '-o', 'type=oci', context);
    expect(failure.stderr).toContain('only one --output');
  });
});
