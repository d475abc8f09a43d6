import type { RegistryClient } from '../client/index.js';
import { type ImageEndpoint, ImageNotFoundError } from '../content/index.js';
import { copy } from '../image/index.js';
import { findRepositoryName, type RepositoryName } from '../oci/index.js';
import type { MirrorOutcome } from '../registry/maintenance/index.js';
import type { Catalog } from '../registry/repositories/index.js';

/** Which images are copied from another registry, or to it. */
export type MirrorRule = Readonly<{
  name: string;
  /** As seen from this registry. */
  direction: 'pull' | 'push';
  /** The other registry. */
  registry: string;
  /** A name there is below this one here; '' where both are the same. */
  prefix: string;
  /** Names there: those that are spelled out, if all are, need not be searched for. */
  repositories: readonly string[];
  isRepository: (name: string) => boolean;
  isTag: (tag: string) => boolean;
  referrers: boolean;
  /** Milliseconds; 0 only by hand. */
  interval: number;
}>;

export type MirrorParts = Readonly<{
  client: RegistryClient;
  catalog: Catalog;
  here: (repository: RepositoryName) => ImageEndpoint;
}>;

/** An end of a transfer whose tags can be listed. */
type Side = Readonly<{ endpoint: ImageEndpoint; tags: () => AsyncIterable<string> }>;

const PAGE = 1000;

/** Copies what a rule selects and the other side has not; one failure does not keep the rest back. */
export async function runMirror(
  rule: MirrorRule,
  parts: MirrorParts,
  signal: AbortSignal | undefined,
): Promise<MirrorOutcome> {
  const outcome = { copied: 0, unchanged: 0, failures: [] as string[] };
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      signal?.throwIfAborted();
      outcome.failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  await attempt(rule.name, async () => {
    for await (const name of repositoriesOf(rule, parts)) {
      signal?.throwIfAborted();
      const [from, to] = sidesOf(rule, parts, name);
      await attempt(from.endpoint.name, async () => {
        for await (const tag of from.tags()) {
          if (!rule.isTag(tag)) continue;
          await attempt(`${from.endpoint.name}:${tag}`, async () => {
            if (await copyTag(from.endpoint, to.endpoint, tag, { referrers: rule.referrers, signal }))
              outcome.copied += 1;
            else outcome.unchanged += 1;
          });
        }
      });
    }
  });
  return outcome;
}

/** @returns false when both sides have the same already. */
async function copyTag(
  from: ImageEndpoint,
  to: ImageEndpoint,
  tag: string,
  { referrers, signal }: { referrers: boolean; signal: AbortSignal | undefined },
): Promise<boolean> {
  const source = await from.resolve(tag);
  const there = await to.resolve(tag).catch((error: unknown) => {
    if (error instanceof ImageNotFoundError) return undefined;
    throw error;
  });
  // Signatures come after what they are about.
  const isSame = there?.digest === source.digest;
  if (isSame && !referrers) return false;
  await copy(from, source, to, isSame ? [] : [tag], { referrers, ...(signal ? { signal } : {}) });
  return !isSame;
}

async function* repositoriesOf(
  { direction, registry, prefix, repositories, isRepository }: MirrorRule,
  { client, catalog }: MirrorParts,
): AsyncGenerator<RepositoryName> {
  const isSpelledOut = repositories.every((pattern) => !/[*?]/.test(pattern));
  const names = isSpelledOut
    ? repositories
    : direction === 'pull'
      ? client.catalog(registry)
      : namesHere(catalog, prefix);
  for await (const text of names) {
    const name = findRepositoryName(text);
    if (name !== undefined && isRepository(name)) yield name;
  }
}

/** Below the prefix, without it. */
async function* namesHere(catalog: Catalog, prefix: string): AsyncGenerator<string> {
  const start = prefix === '' ? '' : `${prefix}/`;
  for (let after = ''; ; ) {
    const { items, more } = await catalog.repositories({ after, limit: PAGE }, (name) =>
      name.startsWith(start),
    );
    for (const name of items) yield name.slice(start.length);
    after = items.at(-1) ?? after;
    if (!more) return;
  }
}

function sidesOf(
  { direction, registry, prefix }: MirrorRule,
  { client, catalog, here }: MirrorParts,
  name: RepositoryName,
): [from: Side, to: Side] {
  const own = findRepositoryName(prefix === '' ? name : `${prefix}/${name}`);
  if (own === undefined) throw new Error(`${prefix}/${name} is too long for a name`);
  const remote = client.repository(registry, name);
  const there = { endpoint: remote, tags: () => remote.tags() };
  const local = { endpoint: here(own), tags: () => tagsHere(catalog, own) };
  return direction === 'pull' ? [there, local] : [local, there];
}

async function* tagsHere(catalog: Catalog, repository: RepositoryName): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const { json, last, more } = await catalog.tags(repository, { after, limit: PAGE });
    yield* JSON.parse(json) as string[];
    if (!more || last === undefined) return;
    after = last;
  }
}
