import type { Diagnosis } from './diagnosis.js';

/**
 * The registry believes that it was called by another scheme or host than it was.
 * @param what it does with that belief: `uploads are sent on to`.
 */
export function calledWrong(origin: URL, named: URL, what: string): Diagnosis {
  const fixed = `set http.host: ${origin.origin}`;
  const found = `${what} ${named.origin}, though the registry was called ${origin.origin}`;
  if (named.protocol === origin.protocol)
    return {
      severity: 'error',
      found,
      means: 'clients go where nobody may answer, and do not show their credentials there',
      remedy: `let the proxy pass the host on with its port (nginx: proxy_set_header Host $http_host); or ${fixed}`,
    };
  return {
    severity: 'error',
    found,
    means:
      named.protocol === 'http:'
        ? 'clients that came by https fail, or send passwords and layers in the clear'
        : 'clients that came by http try https, which nobody may answer',
    remedy: `let the proxy say how it was called (nginx: proxy_set_header X-Forwarded-Proto $scheme), from an address of berth.trustedproxies; or ${fixed}`,
  };
}
