import { randomBytes } from 'node:crypto';
import { type HttpAnswer, UnauthorizedError, UnreachableError } from '../../client/index.js';
import { calledWrong } from './called-wrong.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { PublicRegistry } from './public-registry.js';

/** More than proxies let pass that nobody told of layers: nginx 1 MiB. */
const CHUNK_BYTES = 5 * 1024 * 1024;

/** Begins an upload as a push does, sends some MiB, and gives it up. */
export const uploadCheck: Check<PublicRegistry> = {
  name: 'upload',
  run: async (registry) => {
    const { origin, client, repository, signal } = registry;
    const whose = { repository, actions: ['pull', 'push'], signal };
    const ask = (method: 'POST' | 'PATCH' | 'DELETE', target: string, more: object = {}) =>
      client.ask(origin.host, { ...whose, ...more, method, target });
    try {
      const begun = await ask('POST', `/v2/${repository}/blobs/uploads/`);
      await begun.discard();
      const location = begun.header('location');
      if (begun.status !== 202 || location === undefined) return notBegun(registry, begun);
      const there = new URL(location, begun.url);
      // Where the registry is called by a wrong name, the rest is still to be seen.
      return [
        ...locationProblems(origin, location),
        ...(await send(ask, `${there.pathname}${there.search}`)),
      ];
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UnauthorizedError) return [mayNot(registry)];
      if (error instanceof UnreachableError) return []; // told by the check of the API
      throw error;
    }
  },
};

type Ask = (method: 'POST' | 'PATCH' | 'DELETE', target: string, more?: object) => Promise<HttpAnswer>;

/** Sends to an upload, and cancels it whatever became of that. */
async function send(ask: Ask, target: string): Promise<Diagnosis[]> {
  const headers = { 'content-type': 'application/octet-stream', 'content-range': `0-${CHUNK_BYTES - 1}` };
  const sent = await ask('PATCH', target, { headers, body: chunk() }).catch((error: unknown) => {
    if (error instanceof UnreachableError) return error;
    throw error;
  });
  const failed = sent instanceof UnreachableError;
  if (!failed) await sent.discard();
  const ended = await ask('DELETE', failed ? target : nextTarget(sent, target));
  await ended.discard();
  return [...(failed ? [broken(sent)] : sendProblems(sent)), ...endProblems(ended)];
}

function chunk() {
  const piece = randomBytes(64 * 1024);
  return {
    bytes: CHUNK_BYTES,
    open: async () =>
      (async function* () {
        for (let sent = 0; sent < CHUNK_BYTES; sent += piece.length) yield piece;
      })(),
  };
}

function nextTarget(answer: HttpAnswer, before: string): string {
  const location = answer.status === 202 ? answer.header('location') : undefined;
  const url = location === undefined ? undefined : URL.parse(location, answer.url.href);
  return url ? `${url.pathname}${url.search}` : before;
}

function notBegun(registry: PublicRegistry, { status }: HttpAnswer): Diagnosis[] {
  if (status === 401 || status === 403) return [mayNot(registry)];
  if (status === 405)
    return [
      {
        severity: 'note',
        found: 'the registry is read-only',
        means: 'how a push gets through cannot be seen',
        remedy: 'ask again while it takes pushes',
      },
    ];
  return [
    {
      severity: 'error',
      found: `an upload to ${registry.repository} cannot begin: ${status}`,
      means: 'nobody can push',
      remedy:
        'see the log of the registry, and that of the proxy before it: it must let POST, PATCH and PUT pass',
    },
  ];
}

/** A relative one goes where the client is. */
function locationProblems(origin: URL, location: string): Diagnosis[] {
  const named = URL.parse(location);
  if (named === null || named.origin === origin.origin) return [];
  return [calledWrong(origin, named, 'uploads are sent on to')];
}

function sendProblems({ status }: HttpAnswer): Diagnosis[] {
  if (status === 202) return [];
  if (status === 413)
    return [
      {
        severity: 'error',
        found: `${CHUNK_BYTES / 1024 ** 2} MiB in one request are refused: 413`,
        means: 'layers larger than that cannot be pushed',
        remedy: 'let the proxy take requests of any size (nginx: client_max_body_size 0)',
      },
    ];
  return [
    {
      severity: 'error',
      found: `what is sent to an upload is refused: ${status}`,
      means: 'nobody can push',
      remedy: 'see the log of the registry, and that of the proxy before it: it must let PATCH pass',
    },
  ];
}

function endProblems({ status }: HttpAnswer): Diagnosis[] {
  if (status === 204 || status === 404) return [];
  return [
    {
      severity: 'note',
      found: `an upload cannot be cancelled: ${status}`,
      means: 'what clients give up takes space for days; so does what this check has sent',
      remedy: 'let the proxy pass DELETE on; berth uploads purge removes what is left',
    },
  ];
}

function mayNot({ origin, repository }: PublicRegistry): Diagnosis {
  return {
    severity: 'note',
    found: `no upload to ${repository} was allowed`,
    means: 'how a push gets through the proxy cannot be seen',
    remedy: `log in as somebody who may push: berth login ${origin.host}; or name a repository with --repository`,
  };
}

function broken({ message }: Error): Diagnosis {
  return {
    severity: 'error',
    found: `an upload of ${CHUNK_BYTES / 1024 ** 2} MiB breaks off: ${message}`,
    means: 'layers cannot be pushed',
    remedy:
      'see the limits of the proxy on size and time (nginx: client_max_body_size 0; proxy_request_buffering off)',
  };
}
