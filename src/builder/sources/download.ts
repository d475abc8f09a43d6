import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, openSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Room } from '../../layer/index.js';
import {
  algorithmOf,
  type Digest,
  digestOf,
  encodedOf,
  hashAlgorithmOf,
  parseDigest,
} from '../../oci/index.js';
import { httpAgent, httpsAgent, Proxies } from '../../proxy/index.js';
import { fetchedMaterial, type Material } from '../material.js';
import { isWebUrl } from './address.js';
import { FetchError, shownUrl } from './errors.js';

export type DownloadOptions = Readonly<{
  /** Where the file goes. */
  directory: string;
  /** What it must be. */
  checksum?: string;
  /** Where HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY are. */
  proxyEnv?: NodeJS.ProcessEnv;
  userAgent?: string;
  /** `HTTP_AUTH_TOKEN_<host>` and `HTTP_AUTH_HEADER_<host>`. */
  secrets?: ReadonlyMap<string, string>;
  /** Whom to trust, in PEM; whom Node trusts when there is nothing. */
  authorities?: readonly string[];
  signal?: AbortSignal;
}>;

/** `mtime` in seconds, as the server says, else 0. `fileName` as the address ends, else `download`. */
export type Download = Readonly<{
  path: string;
  fileName: string;
  mtime: number;
  digest: Digest;
  size: number;
}>;

/** What was downloaded, for provenance. */
export function downloadMaterial(url: string, { digest }: Pick<Download, 'digest'>): Material {
  return fetchedMaterial(url, { [algorithmOf(digest)]: encodedOf(digest) });
}

const MAX_REDIRECTS = 10;
/** A connection on which nothing moves for so long is given up. */
const SILENCE_MS = 60_000;

/**
 * Downloads a file, mode 0600, following redirects.
 * @throws {FetchError} the server cannot be reached, has no such file, has another one than the checksum says, or more than
 * the disk can hold; then nothing is left in `directory`.
 */
export async function fetchUrl(text: string, options: DownloadOptions): Promise<Download> {
  const expected = options.checksum === undefined ? undefined : parseDigest(options.checksum);
  const url = new URL(text);
  const path = join(options.directory, 'download');
  try {
    const answer = await open(url, options);
    const { digest, size } = await save(answer, path, expected);
    if (expected !== undefined && digest !== expected) {
      throw new FetchError(`${shownUrl(text)} is ${digest}, and not ${expected}`);
    }
    return { path, fileName: nameIn(url), mtime: mtimeOf(answer), digest, size };
  } catch (error) {
    rmSync(path, { force: true });
    options.signal?.throwIfAborted();
    if (error instanceof FetchError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FetchError(`cannot fetch ${shownUrl(text)}: ${reason}`, { cause: error });
  }
}

async function save(answer: IncomingMessage, path: string, expected: Digest | undefined) {
  const algorithm = (expected && hashAlgorithmOf(expected)) ?? 'sha256';
  const hash = createHash(algorithm);
  const room = new Room(dirname(path));
  const announced = Number(answer.headers['content-length'] ?? 0);
  let size = 0;
  await pipeline(
    answer,
    async function* (source: AsyncIterable<Buffer>) {
      if (announced > 0) room.take(announced, 'it');
      for await (const chunk of room.hold(source, 'it')) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    // Opened at once: a failure before that would leave the file to appear after it was removed.
    createWriteStream(path, { fd: openSync(path, 'wx', 0o600) }),
  );
  return { digest: digestOf(algorithm, hash.digest('hex')), size };
}

async function open(start: URL, options: DownloadOptions): Promise<IncomingMessage> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const answer = await get(url, options, url.origin === start.origin);
    const { statusCode = 0, statusMessage = '', headers } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    answer.destroy();
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) {
      throw new FetchError(
        `cannot fetch ${shownUrl(start.href)}: the server answers ${statusCode} ${statusMessage}`.trim(),
      );
    }
    if (!URL.canParse(headers.location, url.href))
      throw new Error(`redirected to nowhere: ${headers.location}`);
    url = new URL(headers.location, url);
    if (!isWebUrl(url.href)) throw new Error(`redirected to ${url.protocol}, which is not http`);
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

async function get(url: URL, options: DownloadOptions, mayAuthenticate: boolean): Promise<IncomingMessage> {
  const { userAgent = 'berth', authorities, signal } = options;
  const proxy = new Proxies(options.proxyEnv ?? {}).find(url);
  const trust = authorities && { ca: [...authorities] };
  const [request, agent] =
    url.protocol === 'https:' ? [httpsRequest, httpsAgent(proxy, trust)] : [httpRequest, httpAgent(proxy)];
  const authorization = mayAuthenticate ? authorizationFor(url, options) : undefined;
  const outgoing = request(url, {
    agent,
    headers: {
      'user-agent': userAgent,
      'accept-encoding': 'identity',
      ...(authorization && { authorization }),
    },
    ...(signal && { signal }),
  });
  outgoing.setTimeout(SILENCE_MS, () => outgoing.destroy(new Error('the server says nothing any more')));
  outgoing.end();
  const answered = once(outgoing, 'response').catch((error: unknown) => {
    throw Proxies.explain(error, proxy, url);
  });
  const [answer]: [IncomingMessage] = (await answered) as [IncomingMessage];
  return answer;
}

function authorizationFor({ host }: URL, { secrets }: DownloadOptions): string | undefined {
  const token = secrets?.get(`HTTP_AUTH_TOKEN_${host}`);
  return secrets?.get(`HTTP_AUTH_HEADER_${host}`)?.trim() ?? (token && `Bearer ${token.trim()}`);
}

/** A name, never a path. */
function nameIn({ pathname }: URL): string {
  const last = pathname.split('/').at(-1) ?? '';
  const name = decoded(last).replace(/[/\0]/g, '_');
  return name === '' || name === '.' || name === '..' ? 'download' : name;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone percent sign
  }
}

function mtimeOf({ headers }: IncomingMessage): number {
  const time = Date.parse(headers['last-modified'] ?? '');
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
}
