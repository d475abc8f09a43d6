import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, exchange } from './exchange.js';
import { MANIFEST } from './image.js';
import type { Ledger, Name } from './ledger.js';
import { isContent, nameOf, PRESENT, type Thing, thingOf } from './names.js';

export type Check = Readonly<{
  url: string;
  ledger: Ledger;
  /** Which names to look at. */
  names: Iterable<Name>;
  /** Whether to read every byte of what manifests name, rather than ask whether it is there. */
  thorough: boolean;
  /** Whether lists must name exactly what is there: the reference lists tags that a crash kept from being set. */
  lists: boolean;
  /** Called for each answer 503, which is asked for again. */
  onUnavailable: () => void;
}>;

const AT_ONCE = 8;
const ACCEPT = { accept: MANIFEST };

/** Compares what a registry shows with what clients were promised. @returns complaints; none when all is well. */
export async function verify({
  url,
  ledger,
  names,
  thorough,
  lists,
  onUnavailable,
}: Check): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  try {
    const reader = new Reader({ url, agent, thorough, onUnavailable });
    const things = [...names].map(thingOf);
    await sideBySide(things, async (thing) => {
      const name = nameOf(thing);
      const value = await reader.valueOf(thing);
      if (!ledger.allows(name, value)) {
        reader.complaints.push(`${name} is ${value ?? 'nothing'}, not ${ledger.allowed(name)}`);
      }
      if (value === undefined) ledger.forget(name);
    });
    if (lists) await reader.compareLists(things);
    return reader.complaints;
  } finally {
    agent.destroy();
  }
}

type ReaderParts = Pick<Check, 'url' | 'thorough' | 'onUnavailable'> & Readonly<{ agent: Agent }>;

class Reader {
  readonly complaints: string[] = [];
  readonly #parts: ReaderParts;
  /** Tags that were there, by repository, and those that were asked for. */
  readonly #tags = new Map<string, Set<string>>();
  readonly #asked = new Set<string>();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  async valueOf(thing: Thing): Promise<string | undefined> {
    return thing.kind === 'blob' ? this.#blob(thing) : this.#manifest(thing);
  }

  /** The lists name what can be got, and nothing else. */
  async compareLists(things: readonly Thing[]): Promise<void> {
    const catalog = JSON.parse((await this.#get('/v2/_catalog?n=1000')).body.toString()) as {
      repositories: string[];
    };
    for (const repository of new Set(things.map((thing) => thing.repository))) {
      const answer = await this.#get(`/v2/${repository}/tags/list`);
      const { tags } =
        answer.status === 200
          ? (JSON.parse(answer.body.toString()) as { tags: string[] | null })
          : { tags: [] };
      const listed = new Set(tags ?? []);
      const found = this.#tags.get(repository) ?? new Set();
      for (const tag of found)
        if (!listed.has(tag)) this.#complain(`${repository}:${tag} is not in the list`);
      for (const tag of listed) {
        if (found.has(tag)) continue;
        if (this.#asked.has(`${repository} ${tag}`))
          this.#complain(`${repository}:${tag} is listed but not there`);
        else if ((await this.#manifest({ kind: 'tag', repository, reference: tag })) === undefined)
          this.#complain(`${repository}:${tag} is listed but cannot be pulled`);
      }
      const inCatalog = catalog.repositories.includes(repository);
      if (listed.size > 0 && !inCatalog) this.#complain(`${repository} has tags but is not in the catalog`);
      if (inCatalog && answer.status !== 200) this.#complain(`${repository} is in the catalog but unknown`);
    }
  }

  async #blob({ repository, reference }: Thing): Promise<string | undefined> {
    const path = `/v2/${repository}/blobs/${reference}`;
    const [head, got] = await Promise.all([this.#ask('HEAD', path), this.#get(path)]);
    if (head.status !== got.status) this.#complain(`HEAD ${path}: ${head.status}, but GET: ${got.status}`);
    if (this.#isAbsent(got, path)) return undefined;
    if (!isContent(reference, got.body)) this.#complain(`GET ${path}: other bytes`);
    if (head.headers['content-length'] !== String(got.body.length))
      this.#complain(`HEAD ${path}: other length`);
    return PRESENT;
  }

  async #manifest({ kind, repository, reference }: Thing): Promise<string | undefined> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const [head, got] = await Promise.all([this.#ask('HEAD', path), this.#get(path)]);
    if (head.status !== got.status) this.#complain(`HEAD ${path}: ${head.status}, but GET: ${got.status}`);
    if (kind === 'tag') this.#asked.add(`${repository} ${reference}`);
    if (this.#isAbsent(got, path)) return undefined;
    const digest = String(got.headers['docker-content-digest']);
    if (!isContent(digest, got.body)) this.#complain(`GET ${path}: other bytes than ${digest}`);
    if (kind === 'manifest' && digest !== reference) this.#complain(`GET ${path}: ${digest}`);
    await this.#needed(repository, got.body, path);
    if (kind === 'manifest') return PRESENT;
    this.#tags.set(repository, (this.#tags.get(repository) ?? new Set()).add(reference));
    return digest;
  }

  /** A manifest that is there has all its blobs. */
  async #needed(repository: string, manifest: Buffer, from: string): Promise<void> {
    const { config, layers } = JSON.parse(manifest.toString()) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    for (const digest of new Set([config, ...layers].map((descriptor) => descriptor.digest))) {
      if (this.#parts.thorough) {
        const value = await this.#blob({ kind: 'blob', repository, reference: digest });
        if (value === undefined) this.#complain(`${from} is there, but its blob ${digest} is not`);
        continue;
      }
      const { status } = await this.#ask('HEAD', `/v2/${repository}/blobs/${digest}`);
      if (status !== 200) this.#complain(`${from} is there, but its blob ${digest}: ${status}`);
    }
  }

  #isAbsent({ status, body }: Answer, path: string): boolean {
    if (status !== 200 && status !== 404)
      this.#complain(`GET ${path}: ${status} ${body.toString().slice(0, 300)}`);
    return status !== 200;
  }

  #get(path: string): Promise<Answer> {
    return this.#ask('GET', path);
  }

  async #ask(method: string, path: string): Promise<Answer> {
    const { url, agent, onUnavailable } = this.#parts;
    for (let tries = 1; ; tries += 1) {
      const answer = await exchange(url, method, path, { agent, headers: ACCEPT });
      if (answer.status !== 503 || tries > 20) return answer;
      onUnavailable();
      await sleep(50);
    }
  }

  #complain(text: string): void {
    this.complaints.push(text);
  }
}

async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
