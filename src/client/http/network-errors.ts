import { ProxyError } from '../../proxy/index.js';
import { UnreachableError } from '../errors.js';

/** Where a failed attempt stands: what may be tried next depends on it. */
type Kind =
  | 'refused'
  | 'unknown-host'
  | 'not-tls'
  | 'untrusted'
  | 'wrong-certificate'
  | 'client-certificate'
  | 'not-http'
  | 'no-tunnel'
  | 'dropped'
  | 'failed';

const KINDS: Readonly<Record<string, Kind>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'unknown-host',
  EAI_AGAIN: 'dropped',
  ECONNABORTED: 'dropped',
  ECONNRESET: 'dropped',
  EHOSTUNREACH: 'dropped',
  ENETDOWN: 'dropped',
  ENETUNREACH: 'dropped',
  EPIPE: 'dropped',
  ERR_STREAM_PREMATURE_CLOSE: 'dropped',
  ESILENCE: 'dropped',
  ETIMEDOUT: 'dropped',
  ERR_PROXY_TUNNEL: 'no-tunnel',
  ERR_SSL_WRONG_VERSION_NUMBER: 'not-tls',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'not-tls',
  ERR_SSL_HTTP_REQUEST: 'not-tls',
  ERR_SSL_UNKNOWN_PROTOCOL: 'not-tls',
  EPROTO: 'not-tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'untrusted',
  CERT_SIGNATURE_FAILURE: 'untrusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-certificate',
  CERT_HAS_EXPIRED: 'wrong-certificate',
  CERT_NOT_YET_VALID: 'wrong-certificate',
  CERT_REVOKED: 'wrong-certificate',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'client-certificate',
  ERR_SSL_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'client-certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'client-certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'client-certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'client-certificate',
};

export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Whether the same request may well work in a moment. Not so for names, trust and what is no registry at all. */
export function isTransient(error: unknown): boolean {
  const kind = kindOf(error);
  return kind === 'dropped' || kind === 'refused';
}

/** Whether nobody speaks TLS there, as far as can be told. */
export function mayBePlainHttp(error: unknown): boolean {
  const kind = kindOf(error);
  return kind === 'not-tls' || kind === 'refused' || kind === 'dropped' || kind === 'no-tunnel';
}

/** Says in words of the registry what node:http said in its own. */
export function explainNetworkError(error: unknown, registry: string, url: URL): UnreachableError {
  const code = errorCode(error);
  return new UnreachableError(`cannot reach ${registry}: ${explain(error, registry, url)}`, {
    registry,
    code,
    cause: error,
  });
}

function kindOf(error: unknown): Kind {
  const code = errorCode(error);
  if (code.startsWith('HPE_')) return 'not-http';
  return KINDS[code] ?? 'failed';
}

function explain(error: unknown, registry: string, url: URL): string {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof ProxyError) return detail;
  const place = url.host === registry ? '' : ` at ${url.host}`;
  switch (kindOf(error)) {
    case 'refused':
      return `nothing listens${place || ' there'} (connection refused)`;
    case 'unknown-host':
      return `there is no host ${url.hostname}; check the name of the registry`;
    case 'not-tls':
      return `it does not speak https${place}; if plain http is meant, use --insecure or --plain-http`;
    case 'untrusted':
      return (
        `its certificate${place} is signed by an unknown authority; put the authority's certificate at ` +
        `/etc/docker/certs.d/${registry}/ca.crt, give it with --ca FILE, or do without with --insecure`
      );
    case 'wrong-certificate':
      return `its certificate${place} is not valid: ${detail}; --insecure takes it all the same`;
    case 'client-certificate':
      return (
        `it wants a certificate of the client${place}; put client.cert and client.key into ` +
        `/etc/docker/certs.d/${registry}/ (${code(error)})`
      );
    case 'not-http':
      return `what it answers${place} is not HTTP${url.protocol === 'http:' ? '; perhaps it wants https' : ''}`;
    case 'dropped':
    case 'no-tunnel':
    case 'failed':
      return `${detail}${code(error) === '' || detail.includes(code(error)) ? '' : ` (${code(error)})`}`;
  }
}

function code(error: unknown): string {
  return errorCode(error);
}
