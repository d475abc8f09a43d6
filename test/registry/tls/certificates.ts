import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export type Pair = Readonly<{ certificate: string; key: string }>;

/** Makes a certificate for localhost, signed by itself or by `issuer`. */
export function makeCertificate(folder: string, name: string, options: { issuer?: Pair } = {}): Pair {
  const pair = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '30',
  ];
  args.push('-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  args.push('-keyout', pair.key, '-out', pair.certificate);
  if (options.issuer) args.push('-CA', options.issuer.certificate, '-CAkey', options.issuer.key);
  execFileSync('openssl', args, { stdio: 'pipe' });
  return pair;
}
