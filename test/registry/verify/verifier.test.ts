import { afterAll, describe, expect, it } from 'vitest';
import { HashPool, layout, Uploads } from '../../../src/content/index.js';
import { type Digest, parseRepositoryName, parseTag } from '../../../src/oci/index.js';
import {
  Mender,
  Repairer,
  type RepairSource,
  Verifier,
  type VerifyOptions,
} from '../../../src/registry/verify/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import {
  digest,
  imageOf,
  indexOf,
  openMemoryRegistry,
  pushBlob,
  RULES,
  WalkingDriver,
} from '../repositories/memory-registry.js';

const app = parseRepositoryName('team/app');
const other = parseRepositoryName('other');
const v1 = parseTag('v1');
const pool = new HashPool();
afterAll(() => pool[Symbol.asyncDispose]());

describe.each([{ store: 'with directories' }, { store: 'without' }])(
  'Verifier, in a store $store',
  (given) => {
    const start = () => open({ walks: given.store === 'without' });

    it('finds nothing wrong with what is sound', async () => {
      const registry = await start();
      expect(await registry.verify()).toMatchObject({
        blobs: 3,
        repositories: 1,
        manifests: 1,
        repaired: 0,
        remaining: 0,
        findings: [],
      });
    });

    it('sets damaged bytes aside, and takes them again from whoever pushes them', async () => {
      const registry = await start();
      await registry.write(layout.blobPath(digest('layer')), 'lAyer');
      await registry.link(other, digest('layer'));
      const found = await registry.verify();
      expect(found).toMatchObject({ remaining: 1 });
      expect(found?.findings).toEqual([
        {
          problem: 'damaged',
          digest: digest('layer'),
          repositories: ['other', 'team/app'],
          detail: `the 5 bytes of ${digest('layer')} hash to ${digest('lAyer')}`,
          state: 'set-aside',
          path: expect.stringMatching(/^\/berth\/quarantine\/[0-9a-f]{64}\.\w+$/),
        },
      ]);
      await expect(registry.blobs.get(app, digest('layer'))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
      expect((await registry.driver.read(found?.findings[0]?.path ?? '')).toString()).toBe('lAyer');
      expect((await registry.verify())?.findings).toMatchObject([
        { problem: 'missing', digest: digest('layer'), repositories: ['team/app'], state: 'found' },
      ]);
      await pushBlob(registry, app, 'layer');
      expect(await registry.verify()).toMatchObject({ remaining: 0, findings: [] });
      expect((await registry.blobs.get(app, digest('layer'))).size).toBe(5);
    });

    it('writes a manifest anew that the index has', async () => {
      const registry = await start();
      await registry.write(layout.blobPath(registry.image), '{}');
      expect((await registry.verify())?.findings).toMatchObject([
        { problem: 'damaged', digest: registry.image, state: 'repaired', how: 'from the index' },
      ]);
      expect(await registry.verify()).toMatchObject({ remaining: 0 });
      await registry.manifests.get(app, { tag: v1 });
    });

    it('changes nothing where it may not', async () => {
      const registry = await start();
      await registry.write(layout.blobPath(digest('layer')), 'lAyer');
      const found = await registry.verify({}, { mayRepair: false });
      expect(found?.findings).toMatchObject([{ state: 'found', repositories: ['team/app'] }]);
      expect((await registry.driver.read(layout.blobPath(digest('layer')))).toString()).toBe('lAyer');
      expect(await Array.fromAsync(registry.driver.list('/berth'))).toEqual([]);
    });

    it('fetches what is gone, and what leads to it', async () => {
      const registry = await start();
      const list = indexOf([registry.image]);
      const { digest: listDigest } = await registry.manifests.put(app, {
        bytes: list,
        contentType: '',
        tags: [parseTag('all')],
      });
      const manifest = await registry.driver.read(layout.blobPath(registry.image));
      await registry.driver.delete(layout.blobDirectory(digest('layer')));
      await registry.driver.delete(layout.layerPath(app, digest('config')));
      await registry.driver.delete(layout.blobDirectory(registry.image));
      await registry.driver.delete(layout.revisionPath(app, registry.image));
      await registry.driver.delete(layout.blobDirectory(listDigest));
      await registry.driver.delete(layout.revisionPath(app, listDigest));
      const elsewhere = [list, manifest, Buffer.from('layer')];
      const found = await registry.verify({}, { source: sourceOf(elsewhere) });
      expect(found?.findings.map(({ problem, state, how }) => [problem, state, how]).sort()).toEqual([
        ['dangling-tag', 'repaired', 'from elsewhere'],
        ['dangling-tag', 'repaired', 'from elsewhere'],
        ['incomplete', 'repaired', 'from the bytes in the store'],
        ['missing', 'repaired', 'from elsewhere'],
      ]);
      expect(await registry.verify()).toMatchObject({ remaining: 0, findings: [] });
      await registry.manifests.get(app, { tag: v1 });
      expect((await registry.blobs.get(app, digest('layer'))).size).toBe(5);
      expect((await registry.blobs.get(app, digest('config'))).size).toBe(6);
    });

    it('leaves alone what was pushed anew since it was read', async () => {
      const registry = await start();
      await registry.write(layout.blobPath(digest('layer')), 'lAyer');
      const { open } = registry.content;
      registry.content.open = async (canonical, range) => {
        const file = await open.call(registry.content, canonical, range);
        if (canonical === digest('layer')) await pushBlob(registry, app, 'layer');
        return file;
      };
      expect(await registry.verify()).toMatchObject({ remaining: 0, findings: [] });
      expect((await registry.blobs.get(app, digest('layer'))).size).toBe(5);
    });

    it('does not keep what is not what it should be', async () => {
      const registry = await start();
      await registry.driver.delete(layout.blobDirectory(digest('layer')));
      const liar: RepairSource = { name: 'liar', open: async () => bytes('lAyer') };
      expect((await registry.verify({}, { source: liar }))?.findings).toMatchObject([
        { problem: 'missing', state: 'found' },
      ]);
      expect(await registry.content.stat(digest('layer'))).toBeUndefined();
    });

    it('mends links that say nothing, or something else', async () => {
      const registry = await start();
      await registry.write(layout.layerLinkPath(app, digest('layer')), '');
      await registry.write(layout.revisionLinkPath(app, registry.image), 'sha256:0');
      await registry.write(layout.tagLinkPath(app, v1), '');
      const found = await registry.verify();
      expect(found?.findings.map(({ problem, state, tag }) => [problem, state, tag]).sort()).toEqual([
        ['broken-link', 'found', 'v1'],
        ['broken-link', 'repaired', undefined],
        ['broken-link', 'repaired', undefined],
      ]);
      await registry.sync.run();
      await registry.manifests.get(app, { digest: registry.image });
      await registry.blobs.get(app, digest('layer'));
    });

    it('sees that a name by sha512 leads elsewhere', async () => {
      const registry = await start();
      const name = await pushBlob(registry, app, 'wide', digest('wide', 'sha512'));
      expect(await registry.verify()).toMatchObject({ remaining: 0 });
      await registry.write(layout.layerLinkPath(app, name), digest('layer'));
      expect((await registry.verify())?.findings).toMatchObject([
        { problem: 'broken-link', digest: name, detail: `the link to blob ${name} leads to other bytes` },
      ]);
    });

    it('sees that the index would serve other bytes than the file has', async () => {
      const registry = await start();
      const stored = await registry.driver.read(layout.blobPath(registry.image));
      const wrong = { digest: registry.image, canonical: registry.image, bytes: Buffer.from('{}') };
      await registry.index.putManifest(app, { ...MANIFEST, ...wrong }, [v1]);
      expect((await registry.verify())?.findings).toMatchObject([
        { problem: 'wrong-index', digest: registry.image, state: 'repaired', how: 'from its file' },
      ]);
      const { bytes } = await registry.manifests.get(app, { tag: v1 });
      expect(Buffer.from(bytes)).toEqual(stored);
    });

    it('says what is no manifest, and counts links that nobody misses', async () => {
      const registry = await start();
      await pushBlob(registry, app, 'unneeded');
      await registry.driver.delete(layout.blobDirectory(digest('unneeded')));
      await registry.write(layout.revisionLinkPath(app, digest('layer')), digest('layer'));
      expect(await registry.verify()).toMatchObject({
        unneededLinks: 1,
        remaining: 1,
        findings: [{ problem: 'no-manifest', digest: digest('layer'), state: 'found' }],
      });
    });

    it('lets copies of other registries be incomplete', async () => {
      const registry = await start();
      await registry.driver.delete(layout.layerPath(app, digest('layer')));
      await registry.write(layout.copyMarkPath(app), 'copies');
      expect(await registry.verify()).toMatchObject({ remaining: 0 });
    });

    it('goes on where it was interrupted', async () => {
      const registry = await start();
      await registry.write(layout.blobPath(digest('layer')), 'lAyer');
      const all = (await Array.fromAsync(registry.content.list())).flat();
      const stopping = new AbortController();
      const onProgress = () => stopping.abort(); // while the first one is read
      const interrupted = await registry.verify({ atOnce: 1, signal: stopping.signal, onProgress });
      expect(interrupted).toBeUndefined();
      const hashed: Digest[] = [];
      const { open } = registry.content;
      registry.content.open = (canonical, range) => {
        hashed.push(canonical);
        return open.call(registry.content, canonical, range);
      };
      expect(await registry.verify({ resume: true })).toMatchObject({ blobs: 3, remaining: 1 });
      expect(hashed).toEqual(all.slice(1));
      expect(await registry.verify({ resume: true })).toMatchObject({ blobs: 2 });
    });
  },
);

const MANIFEST = {
  mediaType: 'text/x',
  artifactType: undefined,
  subject: undefined,
  annotations: {},
  references: [],
  pushedAt: new Date(0),
};

async function open({ walks }: { walks: boolean }) {
  let time = 1000;
  const now = () => new Date(time++);
  const registry = openMemoryRegistry({ driver: new (walks ? WalkingDriver : MemoryDriver)(now), now });
  await registry.sync.run();
  await pushBlob(registry, app, 'config');
  await pushBlob(registry, app, 'layer');
  const { digest: image } = await registry.manifests.put(app, {
    bytes: imageOf('config', ['layer']),
    contentType: '',
    tags: [v1],
  });
  const uploads = new Uploads(registry.driver, pool);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const mender = new Mender(registry.store);
  return {
    ...registry,
    image,
    write: (path: string, text: string) => registry.driver.publish([{ path, bytes: Buffer.from(text) }]),
    link: (repository: typeof app, blob: Digest) => registry.blobs.mount(app, repository, blob),
    verify: (
      options: Partial<VerifyOptions> = {},
      { mayRepair = true, source }: { mayRepair?: boolean; source?: RepairSource } = {},
    ) => {
      const repairer = new Repairer({ driver: registry.driver, uploads, log }, source ? [source] : []);
      const repair = { mend: mender.mend.bind(mender), patienceMs: 0, repairer };
      const verifier = new Verifier({
        ...registry.store,
        rules: RULES,
        repair: mayRepair ? repair : undefined,
        lookAgainMs: 0,
      });
      return verifier.run({ atOnce: 2, resume: false, ...options });
    },
  };
}

function sourceOf(all: readonly Buffer[]): RepairSource {
  const known = new Map(all.map((each) => [digest(each), each]));
  return {
    name: 'elsewhere',
    open: async (use) => {
      const found = known.get(use.digest);
      return found && bytes(found.toString());
    },
  };
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
