import type { IncomingHttpHeaders } from 'node:http';

/** The other end of a connection, as it was when the request came. */
export type Peer = Readonly<{
  /** `undefined` for a unix socket; `unknown` when the client was gone already. */
  address: string | undefined;
  encrypted: boolean;
}>;

export type PublicUrlOptions = Readonly<{
  /** From the configuration, `http.host`: it is believed before all else. */
  host?: string | undefined;
  /** Whether headers of a peer at this address are believed. */
  trusted: (address: string | undefined) => boolean;
}>;

/** Finds out how the client that sent a request reaches us. */
export type PublicUrl = (peer: Peer, headers: IncomingHttpHeaders) => string | undefined;

type Origin = Readonly<{ scheme?: string | undefined; host?: string | undefined }>;

/** RFC 3986 section 3.2.2, without escapes: nothing that could end a quoted string or begin another URL. */
const HOST = /^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * @returns scheme and host, or all of `http.host`, without a slash at the end; `undefined` where no header names a host as it should be. Each
 *   of scheme and host is taken from the first that says it: the configuration, `Forwarded`, `X-Forwarded-*`, both
 *   from trusted proxies only, and the request itself.
 */
export function publicUrl({ host: configured, trusted }: PublicUrlOptions): PublicUrl {
  if (configured) {
    const { origin, pathname } = new URL(configured);
    const url = `${origin}${pathname}`.replace(/\/+$/, '');
    return () => url;
  }
  return (peer, headers) => {
    const proxied = trusted(peer.address) ? [forwarded(headers), xForwarded(headers)] : [];
    const origins: Origin[] = [...proxied, own(peer, headers)];
    const scheme = firstOf(origins.map((origin) => origin.scheme?.toLowerCase()).filter(isScheme));
    const host = firstOf(origins.map((origin) => origin.host).filter(isHost));
    return scheme && host && `${scheme}://${host}`;
  };
}

/** RFC 7239 section 4: the first element was written by the proxy that the client spoke to. */
function forwarded(headers: IncomingHttpHeaders): Origin {
  const [element = ''] = headers.forwarded?.split(',') ?? [];
  const pairs = element.split(';').map((pair) => {
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')] as const;
  });
  const parameters = new Map(pairs);
  return { scheme: parameters.get('proto'), host: parameters.get('host') };
}

function xForwarded(headers: IncomingHttpHeaders): Origin {
  return {
    scheme: firstInList(headers['x-forwarded-proto']),
    host: firstInList(headers['x-forwarded-host']),
  };
}

/** HTTP/2 names the host in `:authority`. RFC 9113 section 8.3.1. */
function own({ encrypted }: Peer, headers: IncomingHttpHeaders): Origin {
  return { scheme: encrypted ? 'https' : 'http', host: headers[':authority']?.toString() ?? headers.host };
}

function firstInList(header: string | string[] | undefined): string | undefined {
  return header?.toString().split(',')[0]?.trim();
}

function firstOf<T>([first]: readonly T[]): T | undefined {
  return first;
}

function isScheme(text: string | undefined): text is string {
  return text === 'http' || text === 'https';
}

function isHost(text: string | undefined): text is string {
  return text !== undefined && HOST.test(text) && URL.canParse(`http://${text}`);
}
