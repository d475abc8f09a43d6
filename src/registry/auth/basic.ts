import { OciError } from '../../oci/index.js';

/** The password stays bytes: clients do not agree on a charset, and hashes are made of bytes. */
export type Credentials = Readonly<{ user: string; password: Buffer }>;

const COLON = 0x3a;

/**
 * Reads `Authorization: Basic …`. RFC 7617.
 * @returns `undefined` for nobody: no header, or an empty user with an empty password, which is how podman asks
 *   for anonymous access once it saw a Basic challenge.
 * @throws {OciError} UNAUTHORIZED: another scheme, or not of the form user:password.
 */
export function parseBasic(header: string | undefined): Credentials | undefined {
  if (header === undefined) return undefined;
  const [, encoded] = /^basic +([A-Za-z0-9+/_-]*={0,2}) *$/i.exec(header) ?? [];
  if (encoded === undefined)
    throw new OciError('UNAUTHORIZED', 'log in with a user name and password (Basic)');
  const bytes = Buffer.from(encoded, 'base64');
  const colon = bytes.indexOf(COLON);
  if (colon < 0) throw new OciError('UNAUTHORIZED', 'credentials must be user:password in base64');
  if (bytes.length === 1) return undefined;
  return { user: bytes.toString('utf8', 0, colon), password: bytes.subarray(colon + 1) };
}

/** The challenge to which {@link parseBasic} is the answer. RFC 7617 section 2. */
export function basicChallenge(realm: string): string {
  // A quoted string of RFC 9110 section 5.6.4; control characters would split the header.
  const quoted = realm.replace(/\p{Cc}/gu, ' ').replace(/["\\]/g, '\\$&');
  return `Basic realm="${quoted}"`;
}
