import type { RegistryClient } from '../../client/index.js';
import { type Handler, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { filtersOf, numberOf, textOf } from '../query.js';
import { credentialsFrom } from '../registry-credentials.js';

const DEFAULT_RESULTS = 25;
const MAX_RESULTS = 100;
const MAX_ANSWER_BYTES = 1024 * 1024;
/** Where Docker Hub has its search; with a port, as without it is one of the names of its registry, which has none. */
const HUB_SEARCH = 'index.docker.io:443';

export type SearchResult = Readonly<Record<string, unknown>>;

export type Search = Readonly<{
  /** `[HOST/]TERM`. */
  term: string;
  limit?: number;
  /** Values by key, of {@link SEARCH_FILTERS}. */
  filters: ReadonlyMap<string, readonly string[]>;
  signal?: AbortSignal;
}>;

export const SEARCH_FILTERS: readonly string[] = ['is-automated', 'is-official', 'stars'];

/** `docker search [HOST/]TERM`. */
export const imageSearch: Handler = async (engine, { query, message, answer, signal }) => {
  const limit = numberOf(query, 'limit');
  const search: Search = {
    term: textOf(query, 'term') ?? '',
    ...(limit !== undefined && { limit }),
    filters: filtersOf(query, SEARCH_FILTERS),
    signal,
  };
  await using client = await engine.openClient(credentialsFrom(message.headers['x-registry-auth']), signal);
  sendJson(answer, await searchImages(client, search));
};

/** What a registry's own search finds, where it has one, as the Engine API shows it. @throws {EngineError} */
export async function searchImages(client: RegistryClient, search: Search): Promise<SearchResult[]> {
  const { limit = DEFAULT_RESULTS, filters, signal } = search;
  const { registry, term } = searchPlace(search.term);
  if (limit < 1 || limit > MAX_RESULTS)
    throw new EngineError(400, `limit ${limit} is outside the range of [1, ${MAX_RESULTS}]`);
  const target = `/v1/search?q=${encodeURIComponent(term)}&n=${limit}`;
  const found = await client.ask(registry, { method: 'GET', target, ...(signal && { signal }) });
  if (found.status !== 200) {
    await found.discard();
    const why = found.status === 404 ? 'it has no search' : `it answers ${found.status}`;
    throw new EngineError(404, `cannot search ${registry}: ${why}`);
  }
  const results = resultsIn((await found.bytes(MAX_ANSWER_BYTES)).toString('utf8'));
  return results.filter((result) => accepts(filters, result));
}

/** As in names of images: the first part is a registry when it looks like one. */
function searchPlace(given: string): Readonly<{ registry: string; term: string }> {
  const [, host, term = ''] = /^([^/]*[.:][^/]*|localhost)\/(.*)$/.exec(given) ?? [];
  if (host !== undefined && host !== 'docker.io') return { registry: host, term };
  return { registry: HUB_SEARCH, term: host === undefined ? given : term };
}

function resultsIn(body: string): SearchResult[] {
  try {
    const { results } = JSON.parse(body) as { results?: unknown };
    return Array.isArray(results) ? (results as SearchResult[]) : [];
  } catch (error) {
    throw new EngineError(502, 'the registry does not answer a search with JSON', { cause: error });
  }
}

function accepts(filters: ReadonlyMap<string, readonly string[]>, result: SearchResult): boolean {
  const flag = (key: string, member: string) =>
    (filters.get(key) ?? []).every((value) => (value === 'true') === (result[member] === true));
  const stars = (filters.get('stars') ?? []).every(
    (value) => Number(result.star_count ?? 0) >= Number(value),
  );
  return stars && flag('is-official', 'is_official') && flag('is-automated', 'is_automated');
}
