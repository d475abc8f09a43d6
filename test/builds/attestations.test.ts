import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { http } from '../support/http.js';
import { run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const SPDX = 'https://spdx.dev/Document';
const SLSA = 'https://slsa.dev/provenance/v1';
const FILES = {
  Dockerfile: `FROM scratch
ARG NAME=nobody
ARG API_TOKEN
COPY installed /lib/apk/db/installed
COPY app /app
`,
  installed: 'P:musl\nV:1.2.5-r0\nL:MIT\n',
  app: 'app',
};

let place: BuildPlace;
let registry: BerthProcess;
let context: string;

beforeAll(async () => {
  place = await BuildPlace.create('attestations');
  registry = await BerthProcess.start();
  context = await place.context(FILES);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

type Descriptor = Readonly<{ digest: string; artifactType?: string; annotations?: Record<string, string> }>;
type Statement = Readonly<{
  subject: readonly { name: string; digest: { sha256: string } }[];
  predicateType: string;
  predicate: Record<string, unknown>;
}>;

async function json(url: string, path: string) {
  const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*';
  const { status, headers, body } = await http(`${url}${path}`, { headers: { accept } });
  if (status !== 200) throw new Error(`${path}: ${status} ${body}`);
  return { digest: String(headers['docker-content-digest']), value: JSON.parse(body.toString()) };
}

/** What a registry has about a manifest, by the type of the predicate, each checked to be about it. */
async function statements(
  url: string,
  repository: string,
  subject: string,
): Promise<Record<string, Statement>> {
  const { value } = await json(url, `/v2/${repository}/referrers/${subject}`);
  const found: Record<string, Statement> = {};
  for (const { digest, artifactType, annotations } of value.manifests as Descriptor[]) {
    expect(artifactType).toBe('application/vnd.in-toto+json');
    const { value: manifest } = await json(url, `/v2/${repository}/manifests/${digest}`);
    expect(manifest.subject.digest).toBe(subject);
    expect(manifest.config.mediaType).toBe('application/vnd.oci.empty.v1+json');
    const blob = await http(`${url}/v2/${repository}/blobs/${manifest.layers[0].digest}`);
    const statement = JSON.parse(blob.body.toString()) as Statement;
    expect(statement.subject.map((one) => `sha256:${one.digest.sha256}`)).toContain(subject);
    expect(annotations).toEqual({ 'in-toto.io/predicate-type': statement.predicateType });
    found[statement.predicateType] = statement;
  }
  return found;
}

const packagesOf = (statement: Statement | undefined) =>
  (statement?.predicate.packages as { name: string }[] | undefined)?.map(({ name }) => name);

describe('an SBOM and provenance', () => {
  it('are in the store, and go along with a push, about what the registry has', async () => {
    const name = `${registry.address}/pushed:1`;
    await place.berth('build', '-q', '--sbom', '--provenance', '-t', name, context);
    // Built again: what was said before of the same image is replaced.
    await place.berth('build', '-q', '--sbom=true', '--provenance', '-t', name, context);
    await place.berth('push', '-q', name);
    const { digest } = await json(registry.url, '/v2/pushed/manifests/1');
    const found = await statements(registry.url, 'pushed', digest);
    expect(Object.keys(found).sort()).toEqual([SLSA, SPDX]);
    expect(packagesOf(found[SPDX])).toEqual([name, 'musl']);
    const { value } = await json(registry.url, `/v2/pushed/referrers/${digest}`);
    expect(value.manifests.length).toBe(2);
  });

  it('are sent by build --push too, and left out by push --no-referrers', async () => {
    const name = `${registry.address}/built:1`;
    await place.berth('build', '-q', '--attest', 'type=sbom', '--push', '-t', name, context);
    const { digest } = await json(registry.url, '/v2/built/manifests/1');
    expect(Object.keys(await statements(registry.url, 'built', digest))).toEqual([SPDX]);
    const bare = `${registry.address}/bare:1`;
    await place.berth('push', '-q', '--no-referrers', name, bare);
    expect(await statements(registry.url, 'bare', digest)).toEqual({});
  });

  it('are there for each platform', async () => {
    const name = `${registry.address}/platforms:1`;
    const platforms = ['--platform', 'linux/amd64,linux/arm64'];
    await place.berth('build', '-q', ...platforms, '--sbom', '--provenance', '-t', name, context);
    await place.berth('push', '-q', name);
    const { value } = await json(registry.url, '/v2/platforms/manifests/1');
    expect(value.manifests.length).toBe(2);
    for (const { digest, platform } of value.manifests) {
      const found = await statements(registry.url, 'platforms', digest);
      expect(Object.keys(found).sort()).toEqual([SLSA, SPDX]);
      const suffix = `platforms@1?platform=linux%2F${platform.architecture}`;
      expect(found[SLSA]?.subject[0]?.name.endsWith(suffix)).toBe(true);
    }
  });

  it('are kept in an OCI archive, on its way to a registry without the API, and back', async () => {
    await using debian = await DebianRegistry.start();
    const archive = place.path('attested.tar');
    const output = `type=oci,dest=${archive}`;
    await place.berth('build', '-q', '--sbom', '--provenance', '-t', 'app:1', '-o', output, context);
    const inspected = await run([
      'skopeo',
      'inspect',
      '--raw',
      `oci-archive:${archive}:docker.io/library/app:1`,
    ]);
    expect(JSON.parse(inspected).layers.length).toBe(2);
    const name = `${debian.address}/carried:1`;
    await place.berth('copy', '-q', `oci-archive:${archive}`, `docker://${name}`);
    const { digest } = await json(debian.url, '/v2/carried/manifests/1');
    const { value } = await json(debian.url, `/v2/carried/manifests/${digest.replace(':', '-')}`);
    expect(value.manifests.length).toBe(2);
    await place.berth('copy', '-q', '--referrers', `docker://${name}`, `oci:${place.path('layout')}:1`);
    await place.berth('copy', '-q', `oci:${place.path('layout')}:1`, `docker://${registry.address}/back:1`);
    expect(Object.keys(await statements(registry.url, 'back', digest)).sort()).toEqual([SLSA, SPDX]);
    const load = ['--root', place.path('loaded')];
    await place.berth('load', '-q', ...load, '-i', archive);
    expect((await place.berth('images', ...load, '-q')).trim().split('\n').length).toBe(1);
  });

  it('are files in results that are files, and never written through a link', async () => {
    const linked = await place.context(FILES);
    await symlink('/nowhere/at/all', join(linked, 'sbom.spdx.json'));
    const dockerfile = 'FROM scratch\nCOPY . /\n';
    const out = place.path('files');
    const args = ['--sbom', '--provenance', '-o', out, '-o', `type=tar,dest=${out}.tar`, '-f', '-'];
    await run([BERTH, 'build', '-q', ...args, linked], { input: dockerfile, env: place.environment() });
    const statement = JSON.parse(await readFile(join(out, 'sbom.spdx.json'), 'utf8')) as Statement;
    expect(statement.predicateType).toBe(SPDX);
    expect(await run(['tar', '-tf', `${out}.tar`])).toMatch(/^provenance\.json$/m);
  });

  it('are refused where no result can hold them', async () => {
    const archive = `type=docker,dest=${place.path('docker.tar')}`;
    const failure = await place.failure('build', '--sbom', '-o', archive, context);
    expect(failure.code).toBe(2);
    expect(failure.stderr).toContain('type=docker cannot hold an SBOM or provenance');
  });

  it.each([
    { args: ['--attest', 'type=vex'], message: 'type= is sbom or provenance' },
    { args: ['--sbom=generator=docker/scanner'], message: 'runs no scanner' },
    { args: ['--provenance=mode=most'], message: 'provenance is min or max' },
    { args: ['--provenance=version=v0.2'], message: 'provenance is that of SLSA v1' },
    { args: ['--attest', 'type=sbom,filename=../x'], message: 'a name without directories' },
    { args: ['--attest', 'type=provenance,fast=true'], message: 'no option fast' },
  ])('are asked for rightly: $args', async ({ args, message }) => {
    const failure = await place.failure('build', ...args, context);
    expect(failure.code).toBe(2);
    expect(failure.stderr).toContain(message);
  });
});

describe('provenance', () => {
  async function provenance(...args: readonly string[]) {
    const file = place.path(`metadata-${Math.random().toString(36).slice(2)}.json`);
    await place.berth('build', '-q', '--metadata-file', file, ...args);
    return JSON.parse(await readFile(file, 'utf8'))['buildx.build.provenance'];
  }
  const SECRET = ['--secret', 'id=npm,env=HOME', '--ssh', `default=${'/run/none'}`];

  it('tells little in mode min, and never a secret', async () => {
    const args = ['--build-arg', 'NAME=me', '--label', 'a=b'];
    const { buildDefinition, runDetails } = await provenance('--provenance', ...args, context);
    expect(buildDefinition.externalParameters).toEqual({
      configSource: { path: 'Dockerfile' },
      request: { frontend: 'dockerfile.v0', args: {}, locals: [{ name: 'context' }, { name: 'dockerfile' }] },
    });
    expect(runDetails.metadata.buildkit_completeness).toEqual({
      request: false,
      resolvedDependencies: false,
    });
    expect(runDetails.metadata.buildkit_metadata).toEqual({});
    expect(runDetails.builder.id).toMatch(/^pkg:generic\/berth@/);
  });

  it('tells arguments and the Dockerfile in mode max, but for what has a secret name', async () => {
    const proxy = ['HTTP_PROXY=http://me:hush@proxy:3128', 'https_proxy=me:hush@proxy:3128'];
    const index = 'INDEX=--extra https://me:hush@pypi.example/simple?a=b&token=hush --x me@mail.example';
    const named = ['NAME=me', 'API_TOKEN=hush', ...proxy, index];
    const args = [...named.flatMap((arg) => ['--build-arg', arg]), '--label', 'a=b'];
    const options = ['--provenance=mode=max,builder-id=https://ci.example/1,reproducible=true'];
    const all = await provenance(...options, ...args, ...SECRET.slice(0, 2), context);
    const { request } = all.buildDefinition.externalParameters;
    expect(request.args).toEqual({
      'build-arg:NAME': 'me',
      'build-arg:HTTP_PROXY': 'http://proxy:3128',
      'build-arg:https_proxy': 'proxy:3128',
      'build-arg:INDEX': '--extra https://pypi.example/simple?a=b&token=**** --x me@mail.example',
      'label:a': 'b',
    });
    expect(request.secrets).toEqual([{ id: 'npm', optional: true }]);
    const { builder, metadata } = all.runDetails;
    expect(builder.id).toBe('https://ci.example/1');
    expect(metadata.buildkit_reproducible).toBe(true);
    const [{ data }] = metadata.buildkit_metadata.source.infos;
    expect(Buffer.from(data, 'base64').toString()).toBe(FILES.Dockerfile);
    expect(JSON.stringify(all)).not.toContain('hush');
  });

  it('names base images with their digests, and the commit of a local context', async () => {
    await place.berth('build', '-q', '-t', 'reg.example/team/base:7', context);
    const [{ RepoDigests, ...base }] = JSON.parse(await place.berth('inspect', 'reg.example/team/base:7'));
    expect(base.Id).toMatch(/^sha256:/);
    const above = await place.context({ Dockerfile: 'FROM reg.example/team/base:7\nLABEL a=b\n' });
    const git = ['git', '-C', above, '-c', 'user.name=a', '-c', 'user.email=a@b'];
    await run([...git, 'init', '-q']);
    await run([...git, 'remote', 'add', 'origin', 'https://me:hush@git.example/app.git']);
    await run([...git, 'commit', '-q', '--allow-empty', '-m', 'x']);
    const revision = (await run([...git, 'rev-parse', 'HEAD'])).trim();
    const all = await provenance('--provenance', above);
    const [dependency] = all.buildDefinition.resolvedDependencies;
    expect(dependency.uri).toMatch(/^pkg:docker\/reg\.example\/team\/base@7\?platform=linux%2F/);
    expect(dependency.digest.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(all.runDetails.metadata.buildkit_metadata).toEqual({
      vcs: { source: 'https://git.example/app.git', revision },
    });
    expect(JSON.stringify(all)).not.toContain('hush');
  });
});
