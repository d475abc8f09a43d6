import { setTimeout as sleep } from 'node:timers/promises';
import { type Digest, hashAlgorithmOf, type RepositoryName } from '../../oci/index.js';
import { walkRepositories } from '../repositories/index.js';
import { hashBuffers, hashFile } from './hash-file.js';
import { checkLinks, type Fix, type LinkProblem } from './link-check.js';
import type { Mending } from './mender.js';
import type { Pass } from './pass.js';

/** A push or a delete under way is over by then. */
const LOOK_AGAIN_MS = 1000;
/** An index that is back has images, and those have layers. */
const MAX_ROUNDS = 4;

/** Follows the links of all repositories. */
export class LinkPass {
  readonly #pass: Pass;

  constructor(pass: Pass) {
    this.#pass = pass;
  }

  /** @throws the reason of the signal. */
  async run(): Promise<void> {
    const { signal } = this.#pass.options;
    const { blobs, driver } = this.#pass.parts;
    const sizes = await blobs.sizes();
    const isThere = async (digest: Digest) => sizes?.has(digest) || (await blobs.info(digest)) !== undefined;
    for await (const repository of walkRepositories(driver)) {
      signal?.throwIfAborted();
      await this.#followLinksOf(repository, isThere);
    }
  }

  async #followLinksOf(
    repository: RepositoryName,
    isThere: (digest: Digest) => Promise<boolean>,
  ): Promise<void> {
    const { blobs } = this.#pass.parts;
    const common = { ...this.#pass.parts, hashOf: this.#hashOf, served: this.#served };
    const seen = await checkLinks({ ...common, isThere }, repository);
    let { manifests } = seen;
    let problems = seen.problems.filter((each) => this.#isNews(each));
    const isThereNow = async (digest: Digest) => (await blobs.info(digest)) !== undefined;
    const look = () => checkLinks({ ...common, isThere: isThereNow }, repository);
    if (problems.length > 0) {
      await sleep(this.#pass.parts.lookAgainMs ?? LOOK_AGAIN_MS);
      const still = new Set((await look()).problems.map(({ key }) => key));
      problems = problems.filter(({ key }) => still.has(key));
    }
    const told = new Set<string>();
    for (let round = 0; problems.length > 0 && round < MAX_ROUNDS; round++) {
      for (const { key } of problems) told.add(key);
      if (!(await this.#restoreLinks(repository, problems))) break;
      const now = await look();
      problems = now.problems.filter((each) => !told.has(each.key) && this.#isNews(each));
      manifests = now.manifests;
    }
    this.#pass.tally.repositories += 1;
    this.#pass.tally.manifests += manifests;
    this.#pass.tally.unneededLinks += seen.unneeded;
  }

  readonly #hashOf = async (canonical: Digest, digest: Digest): Promise<Digest> => {
    await using file = await this.#pass.parts.blobs.open(canonical);
    return hashFile(file, hashAlgorithmOf(digest), hashBuffers(), (bytes) =>
      this.#pass.throttle.take(bytes, this.#pass.options.signal),
    );
  };

  readonly #served = async (repository: RepositoryName, digest: Digest): Promise<Uint8Array | undefined> =>
    (await this.#pass.parts.index.findManifest(repository, { digest }))?.bytes;

  /** What leads to bytes that were set aside in this pass was told with them. */
  #isNews({ fix }: LinkProblem): boolean {
    if (fix === undefined || fix === 'reread') return true;
    const { use, canonical } = fix;
    return !this.#pass.tally.findings.some(
      ({ digest, state, repositories }) =>
        state === 'set-aside' && digest === canonical && repositories.includes(use.repository),
    );
  }

  /** @returns whether anything was repaired. */
  async #restoreLinks(repository: RepositoryName, problems: readonly LinkProblem[]): Promise<boolean> {
    const { repair } = this.#pass.parts;
    const sources = new Map<string, string>();
    const mendings: Mending[] = [];
    for (const { key, fix } of repair ? problems : []) {
      const from = fix === 'reread' ? 'from its file' : fix && (await this.#bytesFor(fix));
      if (fix === undefined || from === undefined) continue;
      sources.set(key, from);
      mendings.push(fix === 'reread' ? { do: 'reread', repository } : { do: 'link', ...fix });
    }
    const mended = repair && mendings.length > 0 ? await repair.mend(mendings) : [];
    const outcomes = [...sources].map(
      ([key, from], i) => [key, mended[i]?.done === 'shown' ? from : undefined] as const,
    );
    const repaired = new Map(outcomes);
    for (const { key, fix: _, ...problem } of problems) {
      const how = repaired.get(key);
      const state = how === undefined ? { state: 'found' as const } : { state: 'repaired' as const, how };
      this.#pass.found({ ...problem, repositories: [repository], ...state });
    }
    return outcomes.some(([, from]) => from !== undefined);
  }

  /** @returns where the bytes are from that a link may lead to. */
  async #bytesFor({ use, canonical }: Fix): Promise<string | undefined> {
    if ((await this.#pass.parts.blobs.info(canonical)) !== undefined) return 'from the bytes in the store';
    const from = await this.#pass.parts.repair?.repairer.fetch(canonical, [use], this.#pass.options.signal);
    return from && `from ${from}`;
  }
}
