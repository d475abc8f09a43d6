import { CutError } from './exchange.js';
import { GateClosedError } from './gate.js';
import { type Blob, MANIFEST } from './image.js';
import type { Change } from './ledger.js';
import { digestOf, nameOf, PRESENT } from './names.js';
import type { Random } from './random.js';
import { Requests, type RequestsParts } from './requests.js';
import { Uploader } from './uploader.js';

type Image = Readonly<{ digest: string; bytes: Buffer; blobs: readonly string[] }>;
/** Images that a pusher keeps at most, so that the store stays small. */
const MAX_IMAGES = 8;

export type PusherParts = RequestsParts &
  Readonly<{
    random: Random;
    repository: string;
    /** Where blobs may be mounted from, and which. */
    source: Readonly<{ repository: string; blobs: readonly Blob[] }>;
  }>;

/** A client that pushes, moves, deletes and gives up, as long as it is let, and writes down what it was promised. */
export class Pusher {
  readonly #parts: PusherParts;
  readonly #requests: Requests;
  readonly #uploader: Uploader;
  readonly #images = new Map<string, Image>();
  readonly #lone = new Set<string>();

  constructor(parts: PusherParts) {
    this.#parts = parts;
    this.#requests = new Requests(parts);
    this.#uploader = new Uploader(this.#requests, parts.repository, parts.random);
  }

  /** Whether others push to the same repository: the same blobs and tags at once. */
  get #isShared(): boolean {
    return this.#parts.repository === this.#parts.source.repository;
  }

  async run(): Promise<void> {
    for (;;) {
      try {
        await this.#step();
      } catch (error) {
        if (error instanceof GateClosedError) break;
        if (error instanceof CutError) this.#parts.tally.cut += 1;
        else this.#requests.violation(`unexpected: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
    this.#requests[Symbol.dispose]();
  }

  async #step(): Promise<void> {
    const { random } = this.#parts;
    if (await this.#uploader.resumeOne()) return;
    if (this.#images.size > MAX_IMAGES) return this.#deleteImage();
    const dice = random.next();
    if (dice < 0.5) await this.#pushImage();
    else if (dice < 0.65) await this.#retag();
    else if (dice < 0.75) await this.#pushLone();
    else if (dice < 0.8) await this.#deleteLone();
    else if (dice < 0.87) await this.#deleteTag();
    else if (dice < 0.92) await this.#deleteImage();
    else if (dice < 0.95) await this.#uploader.cancel();
    else if (dice < 0.98) await this.#uploader.pushWrongBytes();
    else await this.#uploader.abandon();
  }

  async #pushImage(): Promise<void> {
    const { random, repository, source } = this.#parts;
    const blobs = Array.from({ length: random.between(1, 3) }, () =>
      this.#isShared ? random.pick(source.blobs) : this.#uploader.newBlob(random.size()),
    );
    const config = this.#uploader.newBlob(random.between(200, 2000));
    await Promise.all([config, ...blobs].map((blob) => this.#uploader.push(blob)));
    const describe = ({ digest, bytes }: Blob) => ({ mediaType: 'x/y', digest, size: bytes.length });
    const layers = blobs.map(describe);
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: describe(config), layers };
    const bytes = Buffer.from(JSON.stringify({ ...manifest, annotations: { of: repository } }));
    const image = { digest: digestOf(bytes), bytes, blobs: [config, ...blobs].map(({ digest }) => digest) };
    this.#images.set(image.digest, image);
    await this.#putManifest(image);
  }

  async #retag(): Promise<void> {
    const image = this.#anyImage();
    if (image) await this.#putManifest(image);
  }

  /** By tag, by digest, or by digest with tags. */
  async #putManifest(image: Image): Promise<void> {
    const { random, repository, tally } = this.#parts;
    const way = random.next();
    const tags =
      way < 0.2 ? [] : way < 0.8 ? [this.#anyTag()] : [...new Set([this.#anyTag(), this.#anyTag()])];
    const [tag] = tags;
    const path =
      tag && tags.length === 1 && way < 0.8
        ? tag
        : `${image.digest}?${tags.map((name) => `tag=${name}`).join('&')}`;
    const answer = await this.#requests.change(
      [
        { name: nameOf({ kind: 'manifest', repository, reference: image.digest }), value: PRESENT },
        ...tags.map((name) => ({
          name: nameOf({ kind: 'tag', repository, reference: name }),
          value: image.digest,
        })),
      ],
      'PUT',
      `/v2/${repository}/manifests/${path}`,
      { body: image.bytes, headers: { 'content-type': MANIFEST } },
      [201],
    );
    if (answer) tally.manifests += 1;
  }

  async #deleteTag(): Promise<void> {
    const { repository, tally } = this.#parts;
    const tag = this.#anyTag();
    const name = nameOf({ kind: 'tag', repository, reference: tag });
    const path = `/v2/${repository}/manifests/${tag}`;
    if (await this.#requests.change([{ name, value: undefined }], 'DELETE', path, {}, [202, 404]))
      tally.tagDeletes += 1;
  }

  async #deleteImage(): Promise<void> {
    const { repository, tally } = this.#parts;
    const image = this.#anyImage();
    if (image === undefined) return;
    // A delete takes every tag on the manifest along, whoever put it there.
    const tags = TAGS.map((tag) => nameOf({ kind: 'tag', repository, reference: tag }));
    const changes: Change[] = [
      { name: nameOf({ kind: 'manifest', repository, reference: image.digest }), value: undefined },
      ...tags.map((name) => ({ name, value: undefined, only: image.digest })),
    ];
    const path = `/v2/${repository}/manifests/${image.digest}`;
    if (await this.#requests.change(changes, 'DELETE', path, {}, [202, 404])) tally.manifestDeletes += 1;
    this.#images.delete(image.digest);
    if (this.#isShared) return; // others may need the blobs
    const needed = new Set([...this.#images.values()].flatMap(({ blobs }) => blobs));
    for (const digest of new Set(image.blobs)) if (!needed.has(digest)) await this.#deleteBlob(digest);
  }

  async #pushLone(): Promise<void> {
    const { random, source } = this.#parts;
    if (this.#isShared) return this.#pushImage();
    const mount = random.chance(0.5);
    const blob = mount ? random.pick(source.blobs) : this.#uploader.newBlob(random.size());
    this.#lone.add(blob.digest);
    await (mount ? this.#uploader.mount(blob, source.repository) : this.#uploader.push(blob));
  }

  async #deleteLone(): Promise<void> {
    const { random } = this.#parts;
    if (this.#lone.size === 0) return;
    const digest = random.pick([...this.#lone]);
    await this.#deleteBlob(digest);
    this.#lone.delete(digest);
  }

  async #deleteBlob(digest: string): Promise<void> {
    const { repository, tally } = this.#parts;
    const name = nameOf({ kind: 'blob', repository, reference: digest });
    const path = `/v2/${repository}/blobs/${digest}`;
    if (await this.#requests.change([{ name, value: undefined }], 'DELETE', path, {}, [202, 404]))
      tally.blobDeletes += 1;
  }

  #anyImage(): Image | undefined {
    const images = [...this.#images.values()];
    return images.length > 0 ? this.#parts.random.pick(images) : undefined;
  }

  #anyTag(): string {
    return this.#parts.random.pick(TAGS);
  }
}

const TAGS = ['v1', 'v2', 'v3', 'latest', 'stable', 'edge'] as const;
