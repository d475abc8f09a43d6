import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { certificateProblems } from './certificate.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { PublicRegistry } from './public-registry.js';

const ANSWER_MS = 10_000;
/** An authority signs for few in between. */
const MAX_CHAIN = 10;

type Shown = Readonly<{ chain: readonly X509Certificate[]; distrust: string | undefined }>;

/** What whoever answers by https shows, and whether this machine trusts it. */
export const publicCertificateCheck: Check<PublicRegistry> = {
  name: 'certificate',
  run: async ({ origin, trust, insecure }) => {
    if (origin.protocol !== 'https:') return [];
    const authorities = await trust.of(origin.host);
    const ca = [...(await trust.systemAuthorities()), ...authorities.authorities];
    const shown = await certificatesOf(origin, ca).catch(() => undefined);
    // That nobody answers is told by the check of the API.
    if (shown === undefined) return [];
    const name = origin.hostname.replace(/^\[|\]$/g, '');
    const problems = certificateProblems(shown.chain, { names: [name], now: Date.now() });
    if (problems.some(({ severity }) => severity === 'error') || insecure) return problems;
    return [...problems, ...distrusted(origin, shown)];
  },
};

function certificatesOf(origin: URL, ca: readonly string[]): Promise<Shown> {
  const host = origin.hostname.replace(/^\[|\]$/g, '');
  const { promise, resolve, reject } = Promise.withResolvers<Shown>();
  const socket = connect({
    host,
    port: Number(origin.port || 443),
    ...(isIP(host) ? {} : { servername: host }),
    ca: [...ca],
    rejectUnauthorized: false,
    timeout: ANSWER_MS,
  });
  socket.once('secureConnect', () => {
    const error = socket.authorizationError as unknown;
    resolve({
      chain: chainOf(socket.getPeerCertificate(true)),
      distrust: error ? codeOf(error) : undefined,
    });
    socket.destroy();
  });
  socket.once('timeout', () => socket.destroy(new Error('no answer')));
  socket.once('error', reject);
  return promise;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function chainOf(peer: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let each = peer; each?.raw && chain.length < MAX_CHAIN; each = each.issuerCertificate) {
    chain.push(new X509Certificate(each.raw));
    if (each.issuerCertificate === each) break;
  }
  return chain;
}

/** Times and names are told already. */
function distrusted({ host }: URL, { chain, distrust }: Shown): Diagnosis[] {
  if (distrust === undefined || /ALTNAME|EXPIRED|NOT_YET_VALID/.test(distrust)) return [];
  const issuer = chain.at(-1)?.issuer.split('\n').at(-1) ?? 'an unknown authority';
  const isIncomplete = distrust === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
  return [
    {
      severity: 'error',
      found: `the certificate of ${host} is by ${issuer}, which this machine does not trust (${distrust})`,
      means: 'clients refuse the connection',
      remedy: isIncomplete
        ? 'put the certificates of the authorities in between into http.tls.certificate, or that of the proxy, behind its own; if the authority is a private one, give it to the clients'
        : 'give the authority to the clients, as berth tls init explains; for this command: --ca FILE',
    },
  ];
}
