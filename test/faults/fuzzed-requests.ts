import fc from 'fast-check';

/** Things that are there, for requests that get somewhere. */
export type Fixtures = Readonly<{
  repository: string;
  tag: string;
  manifest: string;
  blob: string;
  upload: string;
}>;

export type FuzzedRequest = Readonly<{
  method: string;
  target: string;
  headers: readonly (readonly [string, string])[];
  body: Uint8Array | undefined;
  chunked: boolean;
}>;

const METHODS = [
  'GET',
  'HEAD',
  'PUT',
  'POST',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'QUERY',
];
const HEX = 'a'.repeat(64);

/** Pieces that have surprised somebody, somewhere. */
const ODD = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '%2e%2e',
    '%2E%2E%2F%2e%2e%2f',
    '%00',
    'a%00b',
    '%2F',
    '%ff',
    '%',
    '%zz',
    '%c3%28',
    '',
  ),
  fc.constantFrom(
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'constructor:abc',
    'valueof:0',
    '__proto__:x',
  ),
  fc.constantFrom(
    '_uploads',
    '_manifests',
    'blobs',
    'uploads',
    'tags',
    'list',
    'v2',
    '_catalog',
    '-',
    '_',
    'a--b',
    'A',
  ),
  fc.constantFrom(
    'abc=',
    '=',
    'a=b',
    '.hidden',
    '-',
    '+',
    'a+b',
    '~',
    '*',
    '\\',
    '..\\..',
    ':',
    '@',
    'x:y',
    '🦆',
    'é',
  ),
  fc.constantFrom(
    `sha256:${HEX}`,
    `sha256:${HEX.toUpperCase()}`,
    'sha256:',
    'sha256:../../x',
    `sha512:${HEX}${HEX}`,
  ),
  fc.constantFrom(
    'sha256:abc',
    'md5:d41d8cd98f00b204e9800998ecf8427e',
    `blake3:${HEX}`,
    'a.b+c_d-e:Zz=_-',
    'x'.repeat(300),
  ),
  fc.string({ maxLength: 20 }),
  fc.string({ maxLength: 200, unit: 'binary' }).map((text) => encodeURIComponent(text.toWellFormed())),
  fc.nat().map(String),
);

/** Controls would end the line: what follows is for {@link garbage}. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '_');
}

/** Most of a request is right, so that it gets past the first check. */
function mostly<T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: wrong });
}

function targets(known: Fixtures): fc.Arbitrary<string> {
  const name = mostly(
    fc.constantFrom(known.repository, 'fuzz/other', 'a', 'blobs/uploads', 'x/manifests/y'),
    ODD,
  );
  const digest = mostly(fc.constantFrom(known.blob, known.manifest, `sha256:${HEX}`), ODD);
  const reference = fc.oneof(fc.constant(known.tag), digest);
  const upload = mostly(fc.constantFrom(known.upload, '00000000-0000-0000-0000-000000000000'), ODD);
  const path = fc.oneof(
    fc.tuple(name, reference).map(([n, r]) => `/v2/${n}/manifests/${r}`),
    fc.tuple(name, digest).map(([n, d]) => `/v2/${n}/blobs/${d}`),
    fc.tuple(name, upload).map(([n, u]) => `/v2/${n}/blobs/uploads/${u}`),
    name.map((n) => `/v2/${n}/blobs/uploads/`),
    name.map((n) => `/v2/${n}/tags/list`),
    fc.tuple(name, digest).map(([n, d]) => `/v2/${n}/referrers/${d}`),
    fc.constantFrom(
      '/v2/',
      '/v2',
      '/v2/_catalog',
      '/v2/_oci/ext/discover',
      '/',
      '/v1/search',
      '/v1/_ping',
      '*',
      '/metrics',
    ),
    fc.array(ODD, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`),
    fc.array(ODD, { maxLength: 6 }).map((parts) => `/v2/${parts.join('/')}`),
  );
  const value = fc.oneof(
    digest,
    name,
    reference,
    ODD,
    fc.constantFrom('1e9', '-1', '0', '99999999999999999999', 'sha512'),
  );
  const key = fc.constantFrom(
    'n',
    'last',
    'digest',
    'mount',
    'from',
    'artifactType',
    'tag',
    'digest-algorithm',
    'q',
    'ns',
    '_state',
    '',
    'constructor',
  );
  const query = fc
    .array(fc.tuple(key, value), { maxLength: 4 })
    .map((pairs) => (pairs.length === 0 ? '' : `?${pairs.map(([k, v]) => `${k}=${v}`).join('&')}`));
  const host = fc.constantFrom('', '', '', '', 'http://other.test', 'https://u:p@[::1]:1', 'file://');
  // White space and controls would end the target: what follows is for the test of lines that are not HTTP.
  return fc.tuple(host, path, query).map((parts) => printable(parts.join('')).replaceAll(' ', '_'));
}

const HEADER = fc
  .oneof(
    fc.tuple(
      fc.constant('Range'),
      fc.constantFrom(
        'bytes=0-',
        'bytes=-1',
        'bytes=5-2',
        'bytes=0-0,2-3',
        'bytes=99999999999999999999-',
        'bytes=',
        'x=1-2',
        `bytes=${'0-0,'.repeat(3000)}0-0`,
      ),
    ),
    fc.tuple(
      fc.constant('Content-Range'),
      fc.constantFrom('0-9', 'bytes 0-9/10', '9-0', '0-99999999999999999999', '-', 'abc', '5-9', '0-'),
    ),
    fc.tuple(
      fc.constant('Content-Type'),
      fc.constantFrom(
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.docker.distribution.manifest.v1+prettyjws',
        'constructor',
        '__proto__',
        'text/html; charset=\x80',
        ';;;',
      ),
    ),
    fc.tuple(
      fc.constantFrom('If-Match', 'If-None-Match'),
      fc.constantFrom('*', '"x"', `W/"sha256:${HEX}"`, ',,,', '"'),
    ),
    fc.tuple(fc.constant('Accept'), fc.constantFrom('text/html', '*/*', 'text/html;q=x', ',', 'a/b;c="')),
    fc.tuple(
      fc.constant('Authorization'),
      fc.constantFrom('Basic', 'Basic Og==', 'Basic !!!', 'Bearer x', `Basic ${'A'.repeat(5000)}`, ''),
    ),
    fc.tuple(
      fc.constantFrom(
        'X-Forwarded-For',
        'X-Forwarded-Host',
        'X-Forwarded-Proto',
        'Forwarded',
        'Origin',
        'Host',
        'Cookie',
        'Referer',
        'User-Agent',
        'X-Request-Id',
      ),
      fc.string({ maxLength: 60 }),
    ),
    fc.tuple(fc.constant('Expect'), fc.constantFrom('100-continue', '100-Continue', 'x')),
    fc.tuple(
      fc.constantFrom('Upgrade', 'Connection'),
      fc.constantFrom('h2c', 'websocket', 'close', 'keep-alive', 'Upgrade, HTTP2-Settings'),
    ),
  )
  .map(([name, value]) => [name, printable(value)] as const);

const DESCRIPTOR = fc.oneof(
  fc.record(
    {
      mediaType: fc.string(),
      digest: fc.oneof(ODD, fc.constant(`sha256:${HEX}`)),
      size: fc.oneof(fc.nat(), fc.double()),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);

const MANIFEST = fc
  .record(
    {
      schemaVersion: fc.constantFrom<unknown>(2, 2, 2, 1, '2', null),
      mediaType: fc.constantFrom<unknown>(
        'application/vnd.oci.image.manifest.v1+json',
        'application/vnd.oci.image.index.v1+json',
        'constructor',
        '__proto__',
        'a\r\nb',
        7,
      ),
      config: DESCRIPTOR,
      layers: fc.oneof(fc.array(DESCRIPTOR, { maxLength: 3 }), fc.jsonValue()),
      manifests: fc.oneof(fc.array(DESCRIPTOR, { maxLength: 3 }), fc.jsonValue()),
      subject: DESCRIPTOR,
      artifactType: fc.oneof(fc.string(), fc.jsonValue()),
      annotations: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  .map((manifest) => Buffer.from(JSON.stringify(manifest)));

const EMPTY_MANIFEST = fc
  .record(
    {
      schemaVersion: fc.constant(2),
      mediaType: fc.constantFrom('application/vnd.oci.image.index.v1+json'),
      manifests: fc.constant([]),
      annotations: fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
      artifactType: fc.string({ unit: 'binary' }),
    },
    { requiredKeys: ['schemaVersion', 'manifests'] },
  )
  .map((manifest) => Buffer.from(JSON.stringify(manifest)));

const BODY = fc.oneof(
  fc.constant(undefined),
  fc.uint8Array({ maxLength: 2000 }),
  MANIFEST,
  EMPTY_MANIFEST,
  fc
    .constantFrom('[', '{}', 'null', '"', `${'['.repeat(50_000)}`, '{"a":'.repeat(20_000), '\ufeff{}')
    .map((text) => Buffer.from(text)),
);

/** Whole requests, more or less sensible. */
export function fuzzedRequests(known: Fixtures): fc.Arbitrary<FuzzedRequest> {
  return fc.record({
    method: mostly(fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE'), fc.constantFrom(...METHODS)),
    target: targets(known),
    headers: fc.array(HEADER, { maxLength: 4 }),
    body: BODY,
    chunked: fc.boolean(),
  });
}

/** What a request looks like on the wire; the connection is to end with it. */
export function bytesOf({ method, target, headers, body, chunked }: FuzzedRequest): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  if (!headers.some(([name]) => name === 'Host')) lines.push('Host: fuzz.test');
  if (!headers.some(([name]) => name === 'Connection')) lines.push('Connection: close');
  if (body !== undefined)
    lines.push(chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`);
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'utf8');
  if (body === undefined) return head;
  if (!chunked) return Buffer.concat([head, body]);
  const size = body.length > 0 ? Buffer.from(`${body.length.toString(16)}\r\n`) : Buffer.alloc(0);
  const end = Buffer.from(`${body.length > 0 ? '\r\n' : ''}0\r\n\r\n`);
  return Buffer.concat([head, size, body, end]);
}

/** Bytes that are hardly HTTP: noise, cut requests, requests with noise in them. */
export function garbage(known: Fixtures): fc.Arbitrary<Buffer> {
  const request = fuzzedRequests(known).map(bytesOf);
  return fc.oneof(
    fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(request, fc.double({ min: 0, max: 1, noNaN: true }))
      .map(([bytes, part]) => bytes.subarray(0, bytes.length * part)),
    fc.tuple(request, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(([bytes, at, noise]) => {
      const place = at % bytes.length;
      return Buffer.concat([bytes.subarray(0, place), noise, bytes.subarray(place + noise.length)]);
    }),
    fc.tuple(request, request).map(([first, second]) => Buffer.concat([first, second])),
  );
}
