import { z } from 'zod';
import { choice, duration, flag, headers, section, text, texts } from './fields.js';

const CLIENT_AUTH = [
  'request-client-cert',
  'require-any-client-cert',
  'verify-client-cert-if-given',
  'require-and-verify-client-cert',
] as const;

const tls = section('HTTPS with a certificate of your own.', {
  certificate: text('File of the certificate and its chain, PEM.'),
  key: text('File of the private key, PEM.'),
  clientcas: texts('Files of the authorities that sign certificates of clients.'),
  clientauth: choice(
    'What is asked of clients; with clientcas the default is require-and-verify-client-cert.',
    CLIENT_AUTH,
  ).optional(),
  minimumtls: choice('Least version of TLS.', ['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3']).default('tls1.2'),
  ciphersuites: texts(
    'Cipher suites that may be used, by their IANA names; empty leaves the choice to the library.',
  ),
  letsencrypt: section("Certificates from Let's Encrypt.", {
    cachefile: text('File that keeps certificates and keys.'),
    email: text('Address for the account.'),
    hosts: texts('Host names that may get a certificate.'),
    directoryurl: text('Directory of another ACME service.'),
  }),
});

const prometheus = section('Metrics for Prometheus.', {
  enabled: flag('Serves metrics on the debug address.'),
  path: z.string().meta({ description: 'Path of the metrics.' }).default('/metrics'),
});

export const http = section('The server.', {
  addr: z
    .string()
    .meta({ description: 'Address to listen on, host:port; or a path with net: unix.' })
    .default(':5000'),
  net: choice('Kind of the address.', ['tcp', 'unix']).default('tcp'),
  host: z
    .string()
    .transform((value) => (isWebAddress(value) ? value : undefined)) // as useless to the reference, which starts
    .meta({ description: 'URL under which clients reach the registry, put into Location headers.' })
    .optional(),
  prefix: text('Path before /v2/, for a registry below another server.'),
  secret: text(
    'Secret that replicas share: each takes the tokens of the others; without it, tokens end with the process.',
  ),
  relativeurls: flag('Answers with Location headers without scheme and host.'),
  draintimeout: duration('Time for requests under way when the server stops; 0 waits for none.', '60s'),
  headers: headers('Headers added to every answer.'),
  tls,
  debug: section('A second server for health and metrics, not for the public.', {
    addr: text('Address to listen on; empty for none.'),
    prometheus,
  }),
  http2: section('HTTP/2.', { disabled: flag('Speaks HTTP/1.1 only.') }),
  h2c: section('HTTP/2 without TLS.', { enabled: flag('Allows HTTP/2 without TLS.') }),
});

function isWebAddress(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
