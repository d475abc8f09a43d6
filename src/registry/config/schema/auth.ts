import { z } from 'zod';
import { anything, flag, text, texts } from './fields.js';

export const AUTH_SCHEMES = ['htpasswd', 'none', 'silly', 'token'] as const;

const htpasswd = z
  .strictObject({
    realm: z.string().min(1).meta({ description: 'Realm that clients show when they ask for a password.' }),
    path: z
      .string()
      .min(1)
      .meta({ description: 'File of users and password hashes; read again when it changes.' }),
  })
  .meta({ description: 'User names and passwords in a file.' });

/** Of RFC 7518, those with public keys: with a secret that both know, whoever can verify a token could make one. */
export const TOKEN_ALGORITHMS: readonly string[] = [
  'EdDSA',
  ...['RS', 'ES', 'PS'].flatMap((family) => [256, 384, 512].map((bits) => `${family}${bits}`)),
];

const token = z
  .strictObject({
    realm: z.url().meta({ description: 'URL of the token server.' }),
    service: z.string().min(1).meta({ description: 'Name of this registry at the token server.' }),
    issuer: z.string().min(1).meta({ description: 'Issuer that tokens must name.' }),
    rootcertbundle: text('File of certificates that sign tokens.'),
    jwks: text('File of keys that sign tokens.'),
    signingalgorithms: texts('Algorithms that tokens may be signed with.'),
    autoredirect: flag('Derives the realm from the Host header.'),
    autoredirectpath: text('Path of the derived realm.'),
  })
  .meta({ description: 'Tokens of a token server.' });

const silly = z
  .strictObject({ realm: text('Realm of the challenge.'), service: text('Service of the challenge.') })
  .meta({ description: 'Accepts any Authorization header. For tests of the reference only.' });

const schemes = z.strictObject({
  none: anything('Everybody may do everything that berth.access allows.').optional(),
  htpasswd: htpasswd.optional(),
  token: token.optional(),
  silly: silly.optional(),
});

/** A scheme's bare name stands for the scheme without options. */
export const auth = z
  .union([schemes, z.literal('none').transform(() => schemes.parse({ none: {} }))])
  .meta({ description: 'Who may come in: at most one scheme.' })
  .prefault({});
