import { createPublicKey, hash, type KeyObject, randomBytes, sign } from 'node:crypto';

export type CertificateOptions = Readonly<{
  /** Common names of whom it is for, and of who vouches for it. */
  subject: string;
  issuer: string;
  /** Private keys, on the curve P-256, of the same two. */
  key: KeyObject;
  issuerKey: KeyObject;
  /** Whether it may vouch for others. */
  ca: boolean;
  from: Date;
  /** Without it, there is no end. */
  until?: Date | undefined;
}>;

/** RFC 5280 section 4.1.2.5: there is no end. */
const NO_END = '99991231235959Z';

const TAG = { boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c } as const;
const GENERALIZED_TIME = 0x18;
const UTC_TIME = 0x17;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
const KEY_IDENTIFIER = 0x80;

/** Object identifiers, encoded. RFC 5280, RFC 5758. */
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const KEY_USAGE = [0x55, 0x1d, 0x0f];
const SUBJECT_KEY_IDENTIFIER = [0x55, 0x1d, 0x0e];
const AUTHORITY_KEY_IDENTIFIER = [0x55, 0x1d, 0x23];

const TRUE = [0xff];

/** A bit string that says how many of its last bits do not count. RFC 5280 section 4.2.1.3. */
const DIGITAL_SIGNATURE = [7, 0x80];
const KEY_CERT_SIGN = [2, 0x04];

/** Makes an X.509 certificate, in DER. Node reads them, but makes none. @see RFC 5280 section 4.1 */
export function makeCertificate(options: CertificateOptions): Buffer {
  const { subject, issuer, key, issuerKey, from, until } = options;
  const algorithm = der(SEQUENCE, der(TAG.oid, ECDSA_WITH_SHA256));
  const toBeSigned = der(
    SEQUENCE,
    der(VERSION, der(TAG.integer, [2])),
    der(TAG.integer, serialNumber()),
    algorithm,
    name(issuer),
    der(SEQUENCE, time(from), until ? time(until) : der(GENERALIZED_TIME, Buffer.from(NO_END))),
    name(subject),
    createPublicKey(key).export({ format: 'der', type: 'spki' }),
    der(EXTENSIONS, der(SEQUENCE, ...extensions(options))),
  );
  const signature = sign('sha256', toBeSigned, issuerKey);
  return der(SEQUENCE, toBeSigned, algorithm, der(TAG.bits, Buffer.concat([Buffer.from([0]), signature])));
}

/** The same as text. RFC 7468. */
export function toPem(certificate: Buffer): string {
  const lines = certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  return Buffer.from([0x82, length >> 8, length & 0xff]);
}

/** Positive, and without a zero in front. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function name(commonName: string): Buffer {
  return der(
    SEQUENCE,
    der(SET, der(SEQUENCE, der(TAG.oid, COMMON_NAME), der(TAG.utf8, Buffer.from(commonName)))),
  );
}

/** Two digits for the year before 2050, four from then on. */
function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050
    ? der(UTC_TIME, Buffer.from(text.slice(2)))
    : der(GENERALIZED_TIME, Buffer.from(text));
}

function extensions({ ca, key, issuerKey }: CertificateOptions): Buffer[] {
  const authority = der(SEQUENCE, der(KEY_IDENTIFIER, keyIdentifier(issuerKey)));
  return [
    critical(BASIC_CONSTRAINTS, der(SEQUENCE, ...(ca ? [der(TAG.boolean, TRUE)] : []))),
    critical(KEY_USAGE, der(TAG.bits, ca ? KEY_CERT_SIGN : DIGITAL_SIGNATURE)),
    ca
      ? extension(SUBJECT_KEY_IDENTIFIER, der(TAG.octets, keyIdentifier(key)))
      : extension(AUTHORITY_KEY_IDENTIFIER, authority),
  ];
}

/** Any that is the same for the same key. RFC 7093 section 2. */
function keyIdentifier(key: KeyObject): Buffer {
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return hash('sha256', der, 'buffer').subarray(0, 20);
}

function critical(id: readonly number[], value: Buffer): Buffer {
  return der(SEQUENCE, der(TAG.oid, id), der(TAG.boolean, TRUE), der(TAG.octets, value));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return der(SEQUENCE, der(TAG.oid, id), der(TAG.octets, value));
}
