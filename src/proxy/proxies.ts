import { Exceptions } from './exceptions.js';

/** A proxy that the environment names. */
export type NamedProxy = Readonly<{
  /** `http:`, `https:`, `socks5:` or `socks5h:`, perhaps with user and password. */
  url: URL;
  /** Where it is named. */
  variable: string;
}>;

/** A proxy cannot be used, or does not do its work. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  /** Node's, of what came from the proxy, such as `ECONNREFUSED`. */
  readonly code: string | undefined;

  constructor(message: string, options: Readonly<{ code?: string; cause?: unknown }> = {}) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

/** In the order in which they count. ALL_PROXY is curl's, and podman's. */
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'http:': ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'],
  'https:': ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'],
};
/** What failed before there was a connection: with a proxy, that is one to the proxy. */
const CONNECTING = ['connect', 'getaddrinfo'];
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there (connection refused)',
  ENOTFOUND: 'there is no such host',
};

/** The proxies of an environment. */
export class Proxies {
  readonly #env: NodeJS.ProcessEnv;
  readonly #exceptions: Exceptions;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
    this.#exceptions = new Exceptions(env.NO_PROXY || env.no_proxy || '');
  }

  /** @returns `undefined` to connect directly. @throws {ProxyError} there is one of a kind that cannot be used. */
  find(url: URL): NamedProxy | undefined {
    const variable = VARIABLES[url.protocol]?.find((name) => this.#env[name]);
    if (variable === undefined || this.#exceptions.include(url)) return undefined;
    return { url: parseProxy(variable, this.#env[variable] ?? ''), variable };
  }

  /** Names the proxy in a failure that is its own, or may be; others are returned as they are. */
  static explain(error: unknown, proxy: NamedProxy | undefined, target: URL): unknown {
    if (proxy === undefined || !(error instanceof Error)) return error;
    const { code = '', syscall = '' } = error as NodeJS.ErrnoException;
    const name = `the proxy ${shown(proxy.url.href)} (from ${proxy.variable})`;
    if (CONNECTING.includes(syscall)) {
      const reason = REASONS[code] ?? error.message;
      return new ProxyError(`cannot reach ${name}: ${reason}`, { code, cause: error });
    }
    if (code === 'ERR_PROXY_TUNNEL') {
      const answer = error.message
        .split(': ')
        .at(-1)
        ?.replace(/^HTTP\/[\d.]+ /, '');
      return new ProxyError(`${name} does not lead to ${target.host}: ${answer}`, { code, cause: error });
    }
    if (['ECONNRESET', 'ESILENCE', 'ETIMEDOUT'].includes(code)) {
      return new ProxyError(`${error.message}, by way of ${name}`, { code, cause: error });
    }
    return error;
  }
}

/** Without a scheme, http is meant. */
function parseProxy(variable: string, text: string): URL {
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && /^(https?|socks5h?):$/.test(url.protocol) && url.hostname !== '') return url;
  throw new ProxyError(
    `${variable}=${shown(text)} is no proxy that can be used here: write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, or name what to reach without it in NO_PROXY`,
  );
}

/** Without the password, and without what a URL ends with. */
function shown(text: string): string {
  return text.replace(/^((?:[a-z\d+.-]+:\/\/)?[^/:]*):.*@/i, '$1:***@').replace(/\/$/, '');
}
