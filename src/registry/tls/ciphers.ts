const ECDHE = {
  AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  CHACHA20_POLY1305_SHA256: 'CHACHA20-POLY1305',
  AES_128_CBC_SHA: 'AES128-SHA',
  AES_256_CBC_SHA: 'AES256-SHA',
} as const;

/** Those of TLS 1.3 have the same name everywhere and are always on, as in Go. */
const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** OpenSSL's names of the cipher suites that the reference registry knows, by their names in Go and at IANA. */
const OPENSSL_NAMES: ReadonlyMap<string, string> = new Map([
  ...Object.entries(ECDHE).flatMap(([iana, openssl]): [string, string][] => [
    [`TLS_ECDHE_RSA_WITH_${iana}`, `ECDHE-RSA-${openssl}`],
    [`TLS_ECDHE_ECDSA_WITH_${iana}`, `ECDHE-ECDSA-${openssl}`],
  ]),
  ['TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA', 'ECDHE-RSA-DES-CBC3-SHA'],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'],
  ['TLS_RSA_WITH_3DES_EDE_CBC_SHA', 'DES-CBC3-SHA'],
]);

/**
 * @param names as in Go; `[]` leaves the choice to Node.
 * @returns what Node takes as `ciphers`. Leaving those of TLS 1.3 out would switch TLS 1.3 off, so they are added.
 * @throws {Error} a name that is not known.
 */
export function cipherList(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const chosen = names.filter((name) => !TLS13.includes(name)).map(opensslName);
  return [...TLS13, ...chosen].join(':');
}

function opensslName(name: string): string {
  const openssl = OPENSSL_NAMES.get(name);
  if (openssl !== undefined) return openssl;
  throw new Error(
    `http.tls.ciphersuites: unknown cipher suite ${JSON.stringify(name)}; use ${[...OPENSSL_NAMES.keys()].join(', ')}`,
  );
}
