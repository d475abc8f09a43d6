import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ContentNotFoundError, DigestMismatchError, ImageNotFoundError } from '../../src/content/index.js';
import { blobOf, collect, manifestOf, opener, repositoryAt } from './clients.js';
import { FakeRegistry, fail, send, sha256 } from './fake-registry.js';

let registry: FakeRegistry;

beforeEach(async () => {
  registry = await FakeRegistry.start();
});

afterEach(() => registry[Symbol.asyncDispose]());

const MIB = 1024 * 1024;

function abortController() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason: unknown) => controller.abort(reason) };
}

describe('pushing a blob', () => {
  it('sends a small one with one request', async () => {
    const blob = blobOf(1000);
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob))).toBe('sent');
    expect(registry.blobs.get(blob.descriptor.digest)).toEqual(blob.bytes);
    expect(registry.log).toEqual([
      'GET /v2/',
      'HEAD /v2/team/app/blobs/<digest>',
      'POST /v2/team/app/blobs/uploads/',
      'PUT /v2/team/app/blobs/uploads/<id>',
    ]);
  });

  it('sends nothing that is there', async () => {
    const blob = blobOf(1000);
    registry.blobs.set(blob.descriptor.digest, blob.bytes);
    const repository = repositoryAt(registry);
    expect(await repository.has(blob.descriptor)).toBe(true);
    expect(await repository.push(blob.descriptor, opener(blob))).toBe('present');
    expect(registry.count('POST', /./)).toBe(0);
  });

  it('streams a large one, with its length, and tells how far it is', async () => {
    const blob = blobOf(3 * MIB);
    let told = 0;
    const onBytes = (bytes: number) => {
      told += bytes;
    };
    await repositoryAt(registry).push(blob.descriptor, opener(blob), { onBytes });
    expect(told).toBe(blob.bytes.length);
    const patch = registry.requests.find(({ method }) => method === 'PATCH');
    expect(patch?.headers).toMatchObject({ 'content-length': String(3 * MIB) });
    expect(registry.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  });

  it('sends an empty one', async () => {
    const blob = blobOf(0);
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob))).toBe('sent');
    expect(registry.blobs.has(blob.descriptor.digest)).toBe(true);
  });

  it('mounts what another repository has', async () => {
    const blob = blobOf(1000);
    registry.intercept = (request, response) => {
      if (request.method !== 'HEAD') return false;
      registry.blobs.set(blob.descriptor.digest, blob.bytes);
      fail(response, 404, 'BLOB_UNKNOWN');
      return true;
    };
    const options = { mountFrom: 'team/base' };
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob), options)).toBe('mounted');
    expect(registry.requests.at(-1)?.url).toContain(
      `mount=${encodeURIComponent(blob.descriptor.digest)}&from=team%2Fbase`,
    );
  });

  it.each([403, 404, 405])('sends it when mounting is answered with %i', async (status) => {
    const blob = blobOf(1000);
    registry.intercept = (request, response) => {
      if (!request.url?.includes('mount=')) return false;
      fail(response, status, 'DENIED');
      return true;
    };
    const options = { mountFrom: 'team/base' };
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob), options)).toBe('sent');
  });

  it('goes on where a dropped upload stopped', async () => {
    const blob = blobOf(4 * MIB);
    let dropped = 0;
    registry.intercept = async (request) => {
      if (request.method !== 'PATCH' || dropped++ > 0) return false;
      await registry.receive(request, sessionOf(request.url), { atMost: 2_000_000 });
      request.socket.destroy();
      return true;
    };
    const told: number[] = [];
    const onBytes = (bytes: number) => void told.push(bytes);
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob), { onBytes })).toBe('sent');
    const [, second] = registry.requests.filter(({ method }) => method === 'PATCH');
    expect(second?.headers['content-range']).toBe(`2000000-${4 * MIB - 1}`);
    expect(second?.headers['content-length']).toBe(String(4 * MIB - 2_000_000));
    expect(told.reduce((sum, bytes) => sum + bytes, 0)).toBe(blob.bytes.length);
    expect(registry.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  });

  it('starts again where the registry has forgotten the upload', async () => {
    const blob = blobOf(2 * MIB);
    let failed = 0;
    registry.intercept = (request, response) => {
      if (request.method !== 'PATCH' || failed++ > 0) return false;
      registry.uploads.clear();
      fail(response, 404, 'BLOB_UPLOAD_UNKNOWN');
      return true;
    };
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob))).toBe('sent');
    expect(registry.count('POST', /uploads/)).toBe(2);
    expect(registry.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  });

  it('is done when only the last answer got lost', async () => {
    const blob = blobOf(2 * MIB);
    registry.intercept = (request) => {
      if (request.method !== 'PUT') return false;
      registry.blobs.set(blob.descriptor.digest, blob.bytes);
      request.socket.destroy();
      return true;
    };
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob))).toBe('sent');
    expect(registry.count('PUT', /./)).toBe(1);
  });

  it('sends smaller parts to those that find it too large', async () => {
    const blob = blobOf(40 * MIB);
    registry.intercept = (request, response) => {
      if (request.method !== 'PATCH' || Number(request.headers['content-length']) <= 33 * MIB) return false;
      send(response, 413, { connection: 'close' });
      return true;
    };
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob, MIB))).toBe('sent');
    expect(registry.count('PATCH', /./)).toBe(3);
    expect(registry.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  });

  it('sends all at once to those that know no parts', async () => {
    const blob = blobOf(2 * MIB);
    registry.intercept = (request, response) => {
      if (request.method !== 'PATCH') return false;
      fail(response, 405, 'UNSUPPORTED');
      return true;
    };
    expect(await repositoryAt(registry).push(blob.descriptor, opener(blob))).toBe('sent');
    expect(registry.blobs.get(blob.descriptor.digest)?.equals(blob.bytes)).toBe(true);
  });

  it('gives up when the registry takes no more', async () => {
    const blob = blobOf(30 * MIB);
    registry.intercept = (request) => request.method === 'PATCH';
    const repository = repositoryAt(registry, 'team/app', { silenceMs: 200, retries: 0 });
    await expect(repository.push(blob.descriptor, opener(blob))).rejects.toThrow(
      'the registry took nothing for 0.2 s',
    );
  });

  it('gives up after some failures, and says what failed', async () => {
    const blob = blobOf(2 * MIB);
    registry.intercept = (request, response) => {
      if (request.method !== 'PATCH') return false;
      fail(response, 500, 'UNKNOWN', 'the disk is on fire');
      return true;
    };
    await expect(repositoryAt(registry).push(blob.descriptor, opener(blob))).rejects.toThrow(
      `sending blob ${blob.descriptor.digest} to ${registry.address}/team/app: the disk is on fire (UNKNOWN, 500)`,
    );
    expect(registry.count('PATCH', /./)).toBe(4);
    expect(registry.uploads.size).toBe(0);
  });

  it('names the source when that has other bytes, and leaves no upload', async () => {
    const { descriptor } = blobOf(2 * MIB);
    const other = blobOf(2 * MIB);
    await expect(repositoryAt(registry).push(descriptor, opener(other))).rejects.toThrow(DigestMismatchError);
    expect(registry.uploads.size).toBe(0);
  });

  it.each([
    { size: 2 * MIB - 1, what: 'should have 2097152 bytes, but only 2097151 came' },
    { size: 2 * MIB + 1, what: 'should have 2097152 bytes, but more came' },
  ])('refuses a source of $size bytes instead of 2 MiB', async ({ size, what }) => {
    const { descriptor } = blobOf(2 * MIB);
    await expect(repositoryAt(registry).push(descriptor, opener(blobOf(size)))).rejects.toThrow(what);
  });

  it('fails as the source does', async () => {
    const { descriptor } = blobOf(2 * MIB);
    const cause = new Error('the disk is gone');
    const open = async () => failing(cause);
    await expect(repositoryAt(registry).push(descriptor, open)).rejects.toBe(cause);
  });

  it('stops when told', async () => {
    const blob = blobOf(8 * MIB);
    const controller = new AbortController();
    const onBytes = () => controller.abort(new Error('enough'));
    const pushing = repositoryAt(registry).push(blob.descriptor, opener(blob), {
      onBytes,
      signal: controller.signal,
    });
    await expect(pushing).rejects.toThrow('enough');
    expect(registry.count('PUT', /./)).toBe(0);
    expect(registry.uploads.size).toBe(0);
  });

  it('leaves no upload when everything ends, even where that takes a new token', async () => {
    const blob = blobOf(8 * MIB);
    const controller = new AbortController();
    registry.intercept = (request, response) => {
      if (request.url?.startsWith('/token?')) {
        const scopes = new URL(request.url, registry.url).searchParams.getAll('scope').join(' ');
        send(response, 200, {}, JSON.stringify({ token: Buffer.from(scopes).toString('base64url') }));
        return true;
      }
      const action = request.method === 'DELETE' ? 'delete' : 'pull';
      const [, token = ''] = request.headers.authorization?.split(' ') ?? [];
      if (Buffer.from(token, 'base64url').toString().includes(action)) return false;
      const challenge = `Bearer realm="${registry.url}/token",scope="repository:team/app:${action}"`;
      send(response, 401, { 'www-authenticate': challenge });
      return true;
    };
    const repository = repositoryAt(registry, 'team/app', { signal: controller.signal });
    const onBytes = () => controller.abort(new Error('enough'));
    const pushing = repository.push(blob.descriptor, opener(blob), { onBytes, signal: controller.signal });
    await expect(pushing).rejects.toThrow('enough');
    expect(registry.uploads.size).toBe(0);
  });

  it('does not wait long for an upload to be cancelled', async () => {
    const blob = blobOf(8 * MIB);
    const controller = new AbortController();
    registry.intercept = (request) => request.method === 'DELETE';
    const onBytes = () => controller.abort(new Error('enough'));
    const begun = Date.now();
    const pushing = repositoryAt(registry).push(blob.descriptor, opener(blob), {
      onBytes,
      signal: controller.signal,
    });
    await expect(pushing).rejects.toThrow('enough');
    expect(Date.now() - begun).toBeLessThan(4000);
  });
});

describe('fetching a blob', () => {
  it('gives its bytes, from any place on', async () => {
    const blob = blobOf(100_000);
    registry.blobs.set(blob.descriptor.digest, blob.bytes);
    const repository = repositoryAt(registry);
    expect((await collect(await repository.fetch(blob.descriptor))).equals(blob.bytes)).toBe(true);
    expect(await collect(await repository.fetch(blob.descriptor, { offset: 99_990 }))).toEqual(
      blob.bytes.subarray(99_990),
    );
    expect(await collect(await repository.fetch(blob.descriptor, { offset: 100_000 }))).toHaveLength(0);
  });

  it.each([{ ranges: true }, { ranges: false }])(
    'goes on after drops (ranges: $ranges)',
    async ({ ranges }) => {
      const blob = blobOf(1_000_000);
      let drops = 0;
      registry.blobs.set(blob.descriptor.digest, blob.bytes);
      registry.intercept = async (request, response) => {
        if (request.method !== 'GET' || !request.url?.includes('/blobs/')) return false;
        if (!ranges) delete request.headers.range;
        const start = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
        if (drops++ === 2) return false;
        const range = `bytes ${start}-999999/1000000`;
        response.writeHead(start > 0 ? 206 : 200, {
          'content-length': 1_000_000 - start,
          ...(start > 0 ? { 'content-range': range } : {}),
        });
        response.write(blob.bytes.subarray(start, start + 300_000), () =>
          setTimeout(() => response.destroy(), 50),
        );
        return true;
      };
      const bytes = await collect(await repositoryAt(registry).fetch(blob.descriptor));
      expect(bytes.equals(blob.bytes)).toBe(true);
      expect(drops).toBe(3);
    },
  );

  it('fails when it is not there', async () => {
    await expect(repositoryAt(registry).fetch(blobOf(10).descriptor)).rejects.toThrow(ContentNotFoundError);
  });

  it('refuses another size than the descriptor says', async () => {
    const blob = blobOf(1000);
    registry.blobs.set(blob.descriptor.digest, Buffer.alloc(2000));
    await expect(repositoryAt(registry).fetch(blob.descriptor)).rejects.toThrow('2000 bytes instead of 1000');
  });

  it('may be given up in the moment in which another blob is there', async () => {
    const blobs = Array.from({ length: 20 }, (_, i) => blobOf(10 + i));
    for (const { descriptor, bytes } of blobs) registry.blobs.set(descriptor.digest, bytes);
    const repository = repositoryAt(registry);
    for (const { descriptor } of blobs) {
      const { signal, abort } = abortController();
      // The first answer with the wrong size ends all others, as a copy of an image does it.
      const wrong = repository.fetch({ ...descriptor, size: 3 }, { signal }).catch(abort);
      const others = blobs.map(async (other) =>
        collect(await repository.fetch(other.descriptor, { signal })),
      );
      await Promise.allSettled([wrong, ...others]);
      expect(signal.reason).toMatchObject({ message: expect.stringContaining('instead of 3') });
    }
    expect(await collect(await repository.fetch(blobs[0]?.descriptor ?? blobOf(1).descriptor))).toHaveLength(
      10,
    );
  });

  it('gives up on silence, not on slowness', async () => {
    const blob = blobOf(100);
    registry.intercept = (request, response) => {
      if (!request.url?.includes('/blobs/')) return false;
      response.writeHead(200, { 'content-length': 100 });
      response.write(blob.bytes.subarray(0, 10));
      return true;
    };
    const repository = repositoryAt(registry, 'team/app', { silenceMs: 100, retries: 1 });
    const source = await repository.fetch(blob.descriptor);
    await new Promise((resolve) => setTimeout(resolve, 200)); // nobody reads: that is our own doing
    await expect(collect(source)).rejects.toThrow('the registry sent nothing for 0.1 s');
  });

  it('reads from elsewhere what may not be distributed', async () => {
    await using elsewhere = await FakeRegistry.start();
    const { descriptor, bytes } = blobOf(50);
    elsewhere.intercept = (_request, response) => {
      send(response, 200, {}, bytes);
      return true;
    };
    const foreign = { ...descriptor, urls: [`${elsewhere.url}/layer.tar.gz`] };
    expect(await collect(await repositoryAt(registry).fetch(foreign))).toEqual(bytes);
  });

  it('stops when told', async () => {
    const blob = blobOf(8 * MIB);
    registry.blobs.set(blob.descriptor.digest, blob.bytes);
    const controller = new AbortController();
    const source = await repositoryAt(registry).fetch(blob.descriptor, { signal: controller.signal });
    const reading = (async () => {
      for await (const _chunk of source) controller.abort(new Error('enough'));
    })();
    await expect(reading).rejects.toThrow('enough');
  });
});

describe('many transfers at once', () => {
  it('share one signal without a warning', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    const repository = repositoryAt(registry, 'team/app', { signal: new AbortController().signal });
    const blobs = Array.from({ length: 40 }, () => blobOf(10_000));
    await Promise.all(blobs.map((blob) => repository.push(blob.descriptor, opener(blob), { signal })));
    const sizes = await Promise.all(
      blobs.map(
        async ({ descriptor }) => (await collect(await repository.fetch(descriptor, { signal }))).length,
      ),
    );
    expect(sizes).toEqual(blobs.map(() => 10_000));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
    expect(registry.requests.filter(({ url }) => url === '/v2/')).toHaveLength(1);
  });
});

describe('manifests', () => {
  it('are pushed, tagged, resolved, read and deleted', async () => {
    const { descriptor, bytes } = manifestOf();
    const repository = repositoryAt(registry);
    expect(await repository.push(descriptor, opener({ bytes }))).toBe('sent');
    await repository.tag(descriptor, 'v1');
    expect(await repository.resolve('v1')).toEqual(descriptor);
    expect(await repository.resolve(descriptor.digest)).toEqual(descriptor);
    const other = repositoryAt(registry);
    expect(await collect(await other.fetch(descriptor))).toEqual(bytes);
    expect(await other.readManifest('v1')).toEqual({ descriptor, bytes });
    expect(await other.push(descriptor, opener({ bytes }))).toBe('present');
    await other.deleteManifest('v1');
    await expect(other.resolve('v1')).rejects.toThrow(ImageNotFoundError);
    await expect(other.resolve('v1')).rejects.toThrow(`no such image: ${registry.address}/team/app:v1`);
  });

  it('are asked for in all forms', async () => {
    await repositoryAt(registry)
      .resolve('v1')
      .catch(() => {});
    const accept = registry.requests.at(-1)?.headers.accept ?? '';
    for (const type of [
      'oci.image.index.v1',
      'oci.image.manifest.v1',
      'manifest.list.v2',
      'distribution.manifest.v2',
    ]) {
      expect(accept).toContain(type);
    }
  });

  it('are read when HEAD says too little', async () => {
    const { descriptor, bytes } = manifestOf();
    registry.manifests.set('team/app:v1', { type: descriptor.mediaType, bytes });
    registry.intercept = (request, response) => {
      if (request.method !== 'HEAD') return false;
      send(response, 200, { 'content-type': descriptor.mediaType }, 1);
      return true;
    };
    expect(await repositoryAt(registry).resolve('v1')).toEqual(descriptor);
  });

  it('are not taken with other bytes than their digest says, whatever the header says', async () => {
    const { descriptor } = manifestOf();
    const other = manifestOf({ annotations: { a: 'b' } });
    registry.intercept = (request, response) => {
      if (!request.url?.includes('/manifests/') || request.method !== 'GET') return false;
      send(
        response,
        200,
        { 'content-type': descriptor.mediaType, 'docker-content-digest': descriptor.digest },
        other.bytes,
      );
      return true;
    };
    const repository = repositoryAt(registry);
    await expect(repository.fetch(descriptor)).rejects.toThrow(DigestMismatchError);
    await expect(repository.readManifest('v1')).rejects.toThrow(DigestMismatchError);
  });

  it('say why they are refused', async () => {
    const { descriptor, bytes } = manifestOf();
    registry.intercept = (request, response) => {
      if (request.method !== 'PUT') return false;
      request.resume();
      fail(response, 400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry');
      return true;
    };
    await expect(repositoryAt(registry).push(descriptor, opener({ bytes }))).rejects.toMatchObject({
      name: 'RegistryError',
      status: 400,
      problems: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown to registry' }],
    });
  });

  it('say so when they cannot be deleted', async () => {
    registry.intercept = (request, response) => {
      if (request.method !== 'DELETE') return false;
      fail(response, 405, 'UNSUPPORTED');
      return true;
    };
    await expect(repositoryAt(registry).deleteManifest('v1')).rejects.toThrow(
      'the registry does not do that',
    );
  });
});

describe('referrers', () => {
  const about = (subject: object) =>
    manifestOf({ subject, artifactType: 'application/x-test', annotations: { a: 'b' } });

  it('are listed by tag where there is no API', async () => {
    registry.hasReferrers = false;
    const repository = repositoryAt(registry);
    const image = manifestOf();
    const referrers = [about(image.descriptor), manifestOf({ subject: image.descriptor })];
    await Promise.all(referrers.map((content) => repository.push(content.descriptor, opener(content))));
    const listed = await repository.referrers(image.descriptor.digest);
    expect(listed.map(({ digest }) => digest).toSorted()).toEqual(
      referrers.map(({ descriptor }) => descriptor.digest).toSorted(),
    );
    const filtered = await repository.referrers(image.descriptor.digest, {
      artifactType: 'application/x-test',
    });
    expect(filtered).toEqual([
      { ...referrers[0]?.descriptor, artifactType: 'application/x-test', annotations: { a: 'b' } },
    ]);
    expect(registry.manifests.has(`team/app:${image.descriptor.digest.replace(':', '-')}`)).toBe(true);
  });

  it('are left to the API where there is one', async () => {
    const repository = repositoryAt(registry);
    const image = manifestOf();
    const content = about(image.descriptor);
    await repository.push(content.descriptor, opener(content));
    expect(await repository.referrers(image.descriptor.digest)).toEqual([]);
    expect([...registry.manifests.keys()]).toEqual([`team/app:${content.descriptor.digest}`]);
  });

  it('are collected from all pages', async () => {
    const descriptor = (i: number) => ({
      mediaType: 'application/x',
      digest: sha256(Buffer.from([i])),
      size: 1,
    });
    registry.intercept = (request, response) => {
      if (!request.url?.includes('/referrers/')) return false;
      const last = request.url.includes('page=2');
      const index = { schemaVersion: 2, manifests: [descriptor(last ? 2 : 1)] };
      const link = last ? {} : { link: `<${request.url}?page=2>; rel="next"` };
      send(
        response,
        200,
        { 'content-type': 'application/vnd.oci.image.index.v1+json', ...link },
        JSON.stringify(index),
      );
      return true;
    };
    const image = manifestOf();
    expect(await repositoryAt(registry).referrers(image.descriptor.digest)).toEqual([
      descriptor(1),
      descriptor(2),
    ]);
  });
});

function sessionOf(url = ''): string {
  return /uploads\/([^?]+)/.exec(url)?.[1] ?? '';
}

async function* failing(cause: Error): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(1000);
  throw cause;
}

describe('a registry that has no end of what it was asked for', () => {
  const answering = (path: RegExp, type: string, body: string, link?: string) => {
    let pages = 0;
    registry.intercept = ({ url = '' }, response) => {
      if (!path.test(url)) return false;
      const next = `<${url.split('?', 1)[0]}?${link}=${++pages}>; rel="next"`;
      send(response, 200, { 'content-type': type, ...(link !== undefined && { link: next }) }, body);
      return true;
    };
  };
  const INDEX = 'application/vnd.oci.image.index.v1+json';
  const { descriptor } = manifestOf();

  it.each<[what: string, failed: () => Promise<unknown>]>([
    ['reading manifest v1 of', () => repositoryAt(registry).readManifest('v1')],
    ['listing the tags of', () => Array.fromAsync(repositoryAt(registry).tags())],
    ['listing the referrers of', () => repositoryAt(registry).referrers(descriptor.digest)],
  ])('is named: %s', async (what, failed) => {
    answering(/manifests|tags|referrers/, INDEX, ' '.repeat(20 * MIB));
    await expect(failed()).rejects.toMatchObject({
      name: 'RegistryError',
      message: expect.stringMatching(
        new RegExp(`^${what} .*${registry.address}/team/app: .*more than \\d+ bytes$`),
      ),
    });
  });

  it('is asked for so many pages, and referrers', async () => {
    answering(/tags/, 'application/json', '{"tags":[]}', 'last');
    await expect(Array.fromAsync(repositoryAt(registry).tags())).rejects.toThrow('more than 5000 pages');
    const page = JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: Array(30_000).fill(descriptor),
    });
    answering(/referrers/, INDEX, page, 'last');
    await expect(repositoryAt(registry).referrers(descriptor.digest)).rejects.toThrow(
      'there are more than 100000',
    );
  });
});
