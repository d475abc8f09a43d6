import { describe, expect, it } from 'vitest';
import { type MetadataIndex, SqliteIndex } from '../../../src/index/index.js';
import {
  type Digest,
  MEDIA_TYPES,
  parseRepositoryName,
  parseTag,
  type RepositoryName,
} from '../../../src/oci/index.js';
import { Collector, IndexNotTrustedError } from '../../../src/registry/gc/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import { Random } from '../../faults/random.js';
import { seedOfRun } from '../../support/seed.js';
import { digest, imageOf, indexOf, openMemoryRegistry, pushBlob } from '../repositories/memory-registry.js';
import { Model, type ModelManifest, type Sight } from './model.js';

const NAMES = ['one', 'two', 'team/three'].map(parseRepositoryName);
const TAGS = ['a', 'b', 'c', 'd'].map(parseTag);
const TEXTS = Array.from({ length: 24 }, (_, i) => `content-${i}`);
const HOUR = 3_600_000;
const GRACE = 24 * HOUR;
/** Shorter than this after the last time, nothing is noted of a client that asks. */
const VOUCH_EVERY = 10 * 60_000;
/** How many seeds are tried; by hand it may be thousands: `BERTH_MODEL_RUNS=5000`. */
const RUNS = Number(process.env.BERTH_MODEL_RUNS ?? 12);
const STEPS = 300;
/** Turns for which an answer of files or index is late, so that others come in between: now and then a whole collection. */
const MAX_LATE = { most: 10, some: 500 };
const LATE_SHARE = 0.1;

const CRASH = 'the machine lost power';
const CHANGES = /^(publish|delete|put|drop|begin|end|apply|touch|record)/;

describe('a registry that is collected now and then', () => {
  const seed = seedOfRun();
  it.each(Array.from({ length: RUNS }, (_, i) => seed + i))(
    'holds what it must, and no more: seed %i',
    async (each) => {
      const run = new Run(new Random(each));
      await run.open();
      for (let step = 0; step < STEPS; step += 1) await run.step();
      await run.collect();
    },
  );
});

class Run {
  readonly #random: Random;
  readonly #model = new Model(NAMES);
  #time = Date.UTC(2030);
  readonly #driver = new MemoryDriver(() => new Date(this.#time));
  #index: MetadataIndex = new SqliteIndex(':memory:');
  /** Of the process that runs: how many changes of files and index are left before it crashes. */
  #life = { changesLeft: Number.POSITIVE_INFINITY };
  #registry!: ReturnType<typeof openMemoryRegistry>;
  /** While several are at work at once, so that they meet in many orders. */
  #answersAreLate = false;
  /** What many of them want. */
  #wanted = '';

  constructor(random: Random) {
    this.#random = random;
  }

  /** As after a crash: nothing is left of what was in memory. */
  async open(): Promise<void> {
    const now = () => new Date(this.#time);
    this.#life.changesLeft = 0; // what an earlier one had begun
    this.#life = { changesLeft: Number.POSITIVE_INFINITY };
    const [driver, index] = [this.#mortal(this.#driver), this.#mortal(this.#index)];
    this.#registry = openMemoryRegistry({ driver, index, now, trash: true });
    await this.#registry.sync.run();
    expect(await this.#registry.manifests.resumeDeletes()).toEqual([]);
  }

  async step(): Promise<void> {
    const actions: (() => Promise<void>)[] = [
      () => this.#pushBlob(),
      () => this.#pushBlob(),
      () => this.#mount(),
      () => this.#askForBlob(),
      () => this.#pushImage(),
      () => this.#pushImage(),
      () => this.#pushIndex(),
      () => this.#deleteTag(),
      () => this.#deleteManifest(),
      () => this.#restore(),
      () => this.#emptyTrash(),
      () => this.#wait(),
      () => this.#wait(),
      () => this.collect(),
      () => this.#collectWhileUsed(),
      () => this.#collectWhileUsed(),
      () => this.#collectAndCrash(),
      () => this.#crash(),
    ];
    await this.#random.pick(actions)();
    this.#time += 1000;
  }

  async collect(untagged = this.#random.chance(0.5)): Promise<void> {
    await this.#runCollector(untagged);
    await this.#expectCollected(untagged);
  }

  /** Clients may come at any moment of it: what they are told must be true afterwards. */
  async #collectWhileUsed(): Promise<void> {
    const untagged = this.#random.chance(0.5);
    if (this.#random.chance(0.5)) this.#time += GRACE; // so that much of it goes
    this.#wanted = this.#random.pick(this.#heldOf(this.#random.pick(NAMES)));
    const clients = Array.from({ length: this.#random.between(1, 9) }, () =>
      this.#random.pick([
        () => this.#pushBlob(),
        () => this.#askForBlobOrFindItGone(),
        () => this.#mountOrFindItGone(),
        () => this.#pushImageOrFindBlobsGone(),
      ]),
    );
    const soon = async (client: () => ReturnType<(typeof clients)[number]>) => {
      await this.#turns(400);
      return client();
    };
    this.#answersAreLate = true;
    const [, ...sights] = await Promise.all([this.#runCollector(untagged), ...clients.map(soon)]);
    this.#answersAreLate = false;
    this.#model.believe(sights.filter((sight) => sight !== undefined));
    await this.#expectCollected(untagged);
  }

  #beLate(): Promise<void> {
    return this.#turns(this.#random.chance(LATE_SHARE) ? MAX_LATE.some : MAX_LATE.most);
  }

  async #turns(most: number): Promise<void> {
    for (let turns = this.#random.between(0, most); turns > 0; turns -= 1) await Promise.resolve();
  }

  /** The next collection does what is left. */
  async #collectAndCrash(): Promise<void> {
    const untagged = this.#random.chance(0.5);
    this.#life.changesLeft = this.#random.between(0, 20);
    await this.#runCollector(untagged).catch((error: unknown) => {
      // Another repository's removals may notice first that the index can no longer be compared.
      const isCrash = error instanceof IndexNotTrustedError && this.#life.changesLeft < 0;
      if (!isCrash && !String(error).includes(CRASH)) throw error;
    });
    await this.open();
    await this.collect(untagged);
  }

  #runCollector(untagged: boolean) {
    return new Collector(this.#registry).run({ dryRun: false, grace: GRACE, untagged });
  }

  /** After a crash nothing is changed any more, neither by what was under way. */
  #mortal<T extends object>(target: T): T {
    const life = this.#life;
    return new Proxy(target, {
      get: (_, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const isChange = CHANGES.test(String(name));
          if (isChange) life.changesLeft -= 1;
          if (isChange && life.changesLeft < 0) return Promise.reject(new Error(CRASH));
          const answer: unknown = member.apply(target, args);
          return this.#answersAreLate && answer instanceof Promise
            ? answer.then((value: unknown) => this.#beLate().then(() => value))
            : answer;
        };
      },
    });
  }

  async #expectCollected(untagged: boolean): Promise<void> {
    const before = this.#time - GRACE;
    const unneeded = untagged ? this.#model.unneeded(before) : new Map();
    await this.#noteTrash(); // where they rest now
    for (const [{ manifests }, digests] of unneeded) for (const digest of digests) manifests.delete(digest);
    this.#model.collectBlobs(before);
    await this.#compare();
  }

  async #compare(): Promise<void> {
    for (const [name, model] of this.#model.repositories) {
      const { blobs, manifests, tags } = await this.#index.contents(name);
      expect([...blobs].sort(), `blobs of ${name}`).toEqual([...model.blobs.keys()].sort());
      expect([...manifests].sort(), `manifests of ${name}`).toEqual([...model.manifests.keys()].sort());
      expect(new Map([...tags].sort()), `tags of ${name}`).toEqual(new Map([...model.tags].sort()));
    }
    const bytes = (await Array.fromAsync(this.#registry.content.list())).flat();
    expect(bytes.sort(), 'bytes').toEqual([...this.#model.bytes.keys()].sort());
  }

  async #pushBlob(): Promise<undefined> {
    const [name, text] = [this.#random.pick(NAMES), this.#random.pick(TEXTS)];
    await pushBlob(this.#registry, name, text);
    this.#model.at(name).blobs.set(digest(text), { vouchedAt: this.#time, linkedAt: this.#time });
    this.#model.bytes.set(digest(text), this.#time);
  }

  async #mount(): Promise<void> {
    const [from, to, text] = [this.#random.pick(NAMES), this.#random.pick(NAMES), this.#random.pick(TEXTS)];
    const has = this.#model.at(from).blobs.has(digest(text));
    expect((await this.#registry.blobs.mount(from, to, digest(text))) !== undefined).toBe(has);
    if (!has) return;
    const known = this.#model.at(to).blobs.get(digest(text));
    if (known) this.#vouch(known);
    else this.#model.at(to).blobs.set(digest(text), { vouchedAt: this.#time, linkedAt: this.#time });
  }

  async #askForBlob(): Promise<void> {
    const [name, text] = [this.#random.pick(NAMES), this.#random.pick(TEXTS)];
    const known = this.#model.at(name).blobs.get(digest(text));
    const asked = this.#registry.blobs.get(name, digest(text));
    if (known === undefined) return expect(asked).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await asked;
    this.#vouch(known);
  }

  /** @returns what was seen, if it was there. */
  async #askForBlobOrFindItGone(): Promise<Sight | undefined> {
    const name = this.#random.pick(NAMES);
    const text = this.#pickWanted(name);
    const isThere = await this.#registry.blobs.get(name, digest(text)).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'BLOB_UNKNOWN' });
        return false;
      },
    );
    return isThere ? { name, digest: digest(text), note: (times) => this.#vouch(times) } : undefined;
  }

  /** From where it may be removed at that moment, to where it was not. */
  async #mountOrFindItGone(): Promise<Sight | undefined> {
    const [from, to] = [this.#random.pick(NAMES), this.#random.pick(NAMES)];
    const text = this.#pickWanted(from);
    const { blobs } = this.#model.at(to);
    if (blobs.has(digest(text))) return undefined;
    const times = { vouchedAt: this.#time, linkedAt: this.#time };
    const isMounted = (await this.#registry.blobs.mount(from, to, digest(text))) !== undefined;
    return isMounted
      ? { name: from, digest: digest(text), note: () => blobs.set(digest(text), times) }
      : undefined;
  }

  /** Mostly what it holds already; another client may be about to bring the rest. */
  #pickWanted(name: RepositoryName): string {
    return this.#random.chance(0.5) ? this.#wanted : this.#random.pick(this.#heldOf(name));
  }

  /** All that there may be, where it holds none. */
  #heldOf(name: RepositoryName): readonly string[] {
    const held = TEXTS.filter((text) => this.#model.at(name).blobs.has(digest(text)));
    return held.length > 0 ? held : TEXTS;
  }

  async #pushImageOrFindBlobsGone(): Promise<undefined> {
    const name = this.#random.pick(NAMES);
    const texts = TEXTS.filter((text) => this.#model.at(name).blobs.has(digest(text)));
    if (texts.length === 0) return undefined;
    const [config, layer] = [this.#random.pick(texts), this.#random.pick(texts)];
    const manifest = { blobs: [config, layer].map((text) => digest(text)), children: [] };
    // Nothing that was there is about it: what the collector thought of that before would be true too.
    const bytes = imageOf(config, [layer], {
      annotations: { number: `${this.#random.between(0, 2 ** 40)}` },
    });
    await this.#put(name, bytes, manifest, { tagged: false }).catch((error: unknown) => {
      const [reason] = error instanceof AggregateError ? error.errors : [error];
      if (reason.code !== 'MANIFEST_BLOB_UNKNOWN') throw error;
    });
  }

  #vouch(times: { vouchedAt: number }): void {
    if (this.#time - times.vouchedAt >= VOUCH_EVERY) times.vouchedAt = this.#time;
  }

  async #pushImage(): Promise<void> {
    const name = this.#random.pick(NAMES);
    const { blobs, manifests } = this.#model.at(name);
    const texts = TEXTS.filter((text) => blobs.has(digest(text)));
    if (texts.length === 0) return;
    const [config, layers] = [this.#random.pick(texts), [this.#random.pick(texts), this.#random.pick(texts)]];
    const subject = this.#random.chance(0.3)
      ? this.#random.pick([...manifests.keys(), digest('nothing')])
      : undefined;
    const more = subject ? { subject: { mediaType: MEDIA_TYPES.ociManifest, digest: subject, size: 1 } } : {};
    const manifest = {
      blobs: [config, ...layers].map((text) => digest(text)),
      children: [],
      ...(subject && { subject }),
    };
    await this.#put(name, imageOf(config, layers, more), manifest);
  }

  async #pushIndex(): Promise<void> {
    const name = this.#random.pick(NAMES);
    const known = [...this.#model.at(name).manifests.keys()];
    if (known.length === 0) return;
    const children = [this.#random.pick(known), this.#random.pick(known)];
    await this.#put(name, indexOf(children), { blobs: [], children });
  }

  async #put(
    name: RepositoryName,
    bytes: Buffer,
    manifest: ModelManifest,
    { tagged = this.#random.chance(0.5) } = {},
  ): Promise<void> {
    const tags = tagged ? [this.#random.pick(TAGS)] : [];
    const pushed = await this.#registry.manifests.put(name, { bytes, contentType: '', tags });
    this.#model.at(name).manifests.set(pushed.digest, { manifest, pushedAt: this.#time });
    for (const tag of tags) this.#model.at(name).tags.set(tag, pushed.digest);
    this.#model.bytes.set(pushed.digest, this.#time);
  }

  async #deleteTag(): Promise<void> {
    const name = this.#random.pick(NAMES);
    const { tags } = this.#model.at(name);
    if (tags.size === 0) return;
    const tag = this.#random.pick([...tags.keys()]);
    await this.#registry.manifests.delete(name, { tag });
    await this.#noteTrash();
    tags.delete(tag);
  }

  async #deleteManifest(): Promise<void> {
    const name = this.#random.pick(NAMES);
    const { manifests, tags } = this.#model.at(name);
    if (manifests.size === 0) return;
    const gone = this.#random.pick([...manifests.keys()]);
    await this.#registry.manifests.delete(name, { digest: gone });
    await this.#noteTrash();
    manifests.delete(gone);
    for (const [tag, target] of tags) if (target === gone) tags.delete(tag);
  }

  async #restore(): Promise<void> {
    const name = this.#random.pick(NAMES);
    const { trash, manifests, tags } = this.#model.at(name);
    if (trash.size === 0) return;
    const { id, digest: back, manifest, tags: before } = this.#random.pick([...trash.values()]);
    const entry = await this.#registry.store.trash?.find(id);
    if (entry === undefined) throw new Error(`${id} is not in the trash`);
    const restored = this.#registry.manifests.restore(entry);
    if (manifest.children.some((child) => !manifests.has(child)))
      return expect(restored).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
    await restored;
    await this.#registry.store.trash?.remove(id);
    trash.delete(id);
    manifests.set(back, { manifest, pushedAt: this.#time });
    this.#model.bytes.set(back, this.#time);
    for (const tag of before) if (!tags.has(tag)) tags.set(tag, back);
  }

  async #emptyTrash(): Promise<void> {
    const before = this.#time - this.#random.between(0, 48) * HOUR;
    for (const { trash } of this.#model.repositories.values()) {
      for (const { id, at } of [...trash.values()]) {
        if (at >= before) continue;
        await this.#registry.store.trash?.remove(id);
        trash.delete(id);
      }
    }
  }

  async #wait(): Promise<void> {
    this.#time += this.#random.between(0, 12) * HOUR;
  }

  async #crash(): Promise<void> {
    if (this.#random.chance(0.3)) {
      this.#index = new SqliteIndex(':memory:');
      this.#model.loseIndex();
    }
    await this.open();
  }

  /** What came into the trash since the last time, with what the model knows of it. */
  async #noteTrash(): Promise<void> {
    for await (const entry of this.#registry.store.trash?.list() ?? []) {
      const { trash, manifests } = this.#model.at(entry.repository);
      const manifest = manifests.get(entry.digest as Digest)?.manifest;
      if (trash.has(entry.id)) continue;
      if (manifest === undefined) throw new Error(`${entry.id} came from nowhere`);
      trash.set(entry.id, { ...entry, at: entry.deletedAt.getTime(), manifest });
    }
  }
}
