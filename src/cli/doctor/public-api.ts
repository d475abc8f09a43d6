import { type HttpAnswer, UnauthorizedError, UnreachableError } from '../../client/index.js';
import { calledWrong } from './called-wrong.js';
import { skewOf } from './clock.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { PublicRegistry } from './public-registry.js';

const BASE = { method: 'GET', target: '/v2/' } as const;
const MAX_TEXT_BYTES = 64 * 1024;

/** How `/v2/` is answered, by which clients tell a registry and how to log in. */
export const apiCheck: Check<PublicRegistry> = {
  name: 'api',
  run: async ({ origin, client, anonymous, signal }) => {
    const registry = origin.host;
    const all: Diagnosis[] = [];
    try {
      const { challenges, origin: spoken } = await client.contact(registry, { signal });
      if (spoken.protocol !== origin.protocol) return [noTls(origin)];
      all.push(...challenges.flatMap(({ parameters }) => realmProblems(origin, parameters.realm)));
      const answer = await client.ask(registry, { ...BASE, signal });
      const text = await textOf(answer);
      if (answer.url.origin !== origin.origin) all.push(redirected(origin, answer.url));
      all.push(...skewOf(registry, answer.header('date'), Date.now()));
      if (answer.status !== 200 && answer.status !== 401) return [...all, noRegistry(origin, answer.status)];
      if (answer.header('docker-distribution-api-version') === undefined) all.push(noVersion(origin));
      if (answer.status === 200) return all;
      const nobody = await anonymous.ask(registry, { ...BASE, signal });
      return [...all, refused(registry, { asNobody: (await textOf(nobody)) === text })];
    } catch (error) {
      signal.throwIfAborted();
      // A wrong place for tokens is the reason why there are none.
      if (all.length > 0) return all;
      if (error instanceof UnauthorizedError) return [refused(registry, { asNobody: false })];
      if (error instanceof UnreachableError) return [unreachable(origin, error)];
      throw error;
    }
  },
};

/** Tokens may come from another host; the same one should be called as the registry is. */
function realmProblems(origin: URL, realm: string | undefined): Diagnosis[] {
  const named = realm === undefined ? null : URL.parse(realm);
  if (named === null || named.hostname !== origin.hostname || named.origin === origin.origin) return [];
  return [calledWrong(origin, named, 'for a token, clients are sent to')];
}

/** On this machine, plain http is tried where nobody speaks TLS. */
function noTls({ origin, host }: URL): Diagnosis {
  return {
    severity: 'error',
    found: `nobody speaks TLS at ${origin}, but plain http`,
    means: 'other machines do not reach the registry so',
    remedy: `set http.tls.certificate, or put a proxy with TLS before it; to look at it as it is: berth doctor http://${host}`,
  };
}

function redirected({ origin }: URL, to: URL): Diagnosis {
  return {
    severity: 'warning',
    found: `${origin}/v2/ sends clients on to ${to.origin}`,
    means: 'they show their credentials to the first host only, and do not follow when they push',
    remedy: 'call the registry by the name it answers to, or pass the requests on instead',
  };
}

function noRegistry({ origin }: URL, status: number): Diagnosis {
  return {
    severity: 'error',
    found: `${origin}/v2/ answers ${status}`,
    means: 'for clients there is no registry',
    remedy:
      status >= 500
        ? 'see the log of the registry, and that of the proxy before it: one of them has no answer from the other'
        : 'a proxy must pass /v2/ on as it is, without taking a part of the path away',
  };
}

function noVersion({ origin }: URL): Diagnosis {
  return {
    severity: 'error',
    found: `${origin}/v2/ answers without the header Docker-Distribution-Api-Version`,
    means: 'older clients do not take it for a registry, and speak another protocol',
    remedy:
      'let the proxy pass the headers of the registry on, also those of errors (nginx: no proxy_hide_header; add_header … always)',
  };
}

function refused(registry: string, { asNobody }: { asNobody: boolean }): Diagnosis {
  return {
    severity: asNobody ? 'warning' : 'error',
    found: asNobody
      ? `${registry} answers as if nobody had logged in`
      : `${registry} does not take the credentials`,
    means: 'what asks for a login cannot be looked at, nor be pushed to',
    remedy: asNobody
      ? `log in with berth login ${registry}, or --creds; if that was done, a proxy takes the header Authorization away`
      : `log in anew: berth login ${registry}`,
  };
}

function unreachable({ origin }: URL, { message }: Error): Diagnosis {
  return {
    severity: 'error',
    found: message,
    means: `no client reaches ${origin}`,
    remedy: 'see the name, the port, firewalls, and whether the registry and the proxy before it run',
  };
}

/** Of an answer that is an error; '' where it is too long to be one. */
async function textOf(answer: HttpAnswer): Promise<string> {
  return answer.bytes(MAX_TEXT_BYTES).then(
    (bytes) => bytes.toString('utf8'),
    () => '',
  );
}
