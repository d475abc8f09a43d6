import { ImageNotFoundError } from '../content/index.js';
import type { Scope } from './auth/scope.js';
import { RegistryError } from './errors.js';
import type { HttpAnswer } from './http/answer.js';
import type { ApiRequest, RegistryHost } from './registry-host.js';
import type { ListOptions } from './repository.js';
import { readWholeAnswer } from './whole-answer.js';

export type ListRequest = Readonly<{
  path: string;
  repository?: string;
  /** Where the names are in each page. */
  member: string;
  scopes: readonly Scope[];
  what: string;
  /** What is not there when the answer is 404. */
  missing?: string;
}>;

const DEFAULT_PAGE_SIZE = 1000;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** A registry that always knows a next one would be asked for ever. */
const MAX_PAGES = 5000;

/** The names of a list, page after page. distribution-spec spec.md, "Listing Tags". */
export async function* readPages(
  host: RegistryHost,
  list: ListRequest,
  options: ListOptions,
): AsyncGenerator<string> {
  const { path, member, missing, ...request } = list;
  const expect = missing === undefined ? [200] : [200, 404];
  const pages = walkPages(host, {
    ...request,
    target: firstPage(path, options),
    expect,
    signal: options.signal,
  });
  for await (const answer of pages) {
    if (answer.status === 404) {
      await answer.discard();
      throw new ImageNotFoundError(missing ?? path);
    }
    const names = (await readJson(answer, request.what, host.registry))[member] ?? [];
    if (Array.isArray(names)) for (const name of names) if (typeof name === 'string') yield name;
  }
}

/** Follows `Link: <...>; rel="next"` on the same registry. The caller reads or discards each answer. */
export async function* walkPages(
  host: RegistryHost,
  request: Omit<ApiRequest, 'method'>,
): AsyncGenerator<HttpAnswer> {
  const seen = new Set<string>();
  for (let target: string | URL | undefined = request.target; target !== undefined; ) {
    const answer: HttpAnswer = await sendPage(host, { ...request, method: 'GET', target });
    const next = nextPage(answer);
    seen.add(String(target));
    yield answer;
    if (seen.size === MAX_PAGES)
      throw new RegistryError(`${request.what}: there are more than ${MAX_PAGES} pages`, {
        registry: host.registry,
        status: answer.status,
      });
    target = next !== undefined && !seen.has(next) ? next : undefined;
  }
}

async function readJson(
  answer: HttpAnswer,
  what: string,
  registry: string,
): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readWholeAnswer(answer, MAX_PAGE_BYTES, { registry, what });
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new RegistryError(`${what}: the answer is not a JSON object`, { registry, status: answer.status });
}

/** Some registries refuse a page as large as others recommend; they may choose then. */
async function sendPage(host: RegistryHost, request: ApiRequest): Promise<HttpAnswer> {
  try {
    return await host.send(request);
  } catch (error) {
    const tooMany = error instanceof RegistryError && error.has('PAGINATION_NUMBER_INVALID');
    if (!tooMany || typeof request.target !== 'string') throw error;
    return host.send({ ...request, target: request.target.replace(/([?&])n=\d+&?/, '$1') });
  }
}

function firstPage(path: string, { last, pageSize = DEFAULT_PAGE_SIZE }: ListOptions): string {
  const query = new URLSearchParams({ n: String(pageSize), ...(last === undefined ? {} : { last }) });
  return `${path}?${query}`;
}

/** Only path and query count: registries behind proxies may not know their own name. */
function nextPage(answer: HttpAnswer): string | undefined {
  for (const line of answer.headerLines('link')) {
    for (const [, target = '', parameters = ''] of line.matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g)) {
      if (!/;\s*rel\s*=\s*"?next"?(?:\s|;|$)/i.test(parameters)) continue;
      const url = URL.parse(target, answer.url.href);
      if (url !== null) return `${url.pathname}${url.search}`;
    }
  }
  return undefined;
}
