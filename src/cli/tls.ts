import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { CertificateMaker, findCertificate, type TlsFolder, tlsFolder } from './certificates.js';
import { UsageError } from './failure.js';
import { type HostNames, joinNames, namesOf, ownNames, parseNames } from './host-names.js';
import { type Run, runProgram } from './openssl.js';
import { configAdvice, trustAdvice } from './trust-advice.js';

export type InitTlsOptions = Readonly<{
  /** See {@link defaultTlsFolder}. */
  dir: string;
  /** Host names, besides those of this machine; the first is the one that advice is given for. */
  names?: readonly string[] | undefined;
  /** Addresses, besides those of this machine. */
  addresses?: readonly string[] | undefined;
  days?: number | undefined;
  /** Where the registry will listen; only advice depends on it. */
  port?: number | undefined;
  /** Makes a new authority also where one is there. */
  forceCa?: boolean | undefined;
  output: Writable;
  run?: Run | undefined;
}>;

/** As long as the strictest clients allow. */
const DEFAULT_DAYS = 825;
const MAX_DAYS = 3650;
const DEFAULT_PORT = 5000;

/** `/etc/berth/tls` for root, else in the user's own configuration. */
export function defaultTlsFolder(env: NodeJS.ProcessEnv, isRoot: boolean): string {
  if (isRoot) return '/etc/berth/tls';
  return join(env.XDG_CONFIG_HOME || join(env.HOME ?? '.', '.config'), 'berth', 'tls');
}

/**
 * `berth tls init`: makes a private authority and a certificate for this machine, and says how to use them. Where they
 * are there already, only a new certificate for the server is signed, for all names of the old one and with its key.
 * @throws {UsageError} names, days or a port that cannot be.
 */
export async function initTls(options: InitTlsOptions): Promise<void> {
  const { days = DEFAULT_DAYS, port = DEFAULT_PORT, output, run = runProgram } = options;
  if (!isWithin(days, MAX_DAYS)) throw new UsageError(`--days must be from 1 to ${MAX_DAYS}, not ${days}`);
  if (!isWithin(port, 65_535)) throw new UsageError(`--port must be from 1 to 65535, not ${port}`);
  const asked = parseNames(options.names ?? [], options.addresses ?? []);
  const folder = resolve(options.dir);
  const files = tlsFolder(folder);
  const old = await findCertificate(files.certificate);
  const names = joinNames(asked, await ownNames(run), old ? namesOf(old) : { dns: [], ip: [] });

  await run('openssl', ['version']).catch((error: Error) => {
    throw new Error(`${error.message}; install it, for example: apt-get install openssl`, { cause: error });
  });
  await using maker = await CertificateMaker.open(folder, run);
  const newAuthority = await maker.ensureAuthority({ force: options.forceCa === true });
  await maker.makeServerCertificate(names, days);

  const made = await findCertificate(files.certificate);
  output.write(
    summary(files, names, { validTo: made?.validTo ?? '', renewed: old !== undefined, newAuthority }),
  );
  output.write(`\nServe with it, in config.yml:\n\n${configAdvice(files, port)}`);
  output.write(
    `\nOn each machine that uses the registry, as root beside a copy of ${files.caCertificate}:\n\n`,
  );
  output.write(trustAdvice(asked.dns[0] ?? asked.ip[0] ?? mainName(names), port));
}

function isWithin(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}

/** What others will most likely call this machine: by a name with a domain rather than a bare one. */
function mainName({ dns }: HostNames): string {
  return dns.find((name) => name.includes('.') && !name.startsWith('*')) ?? dns[0] ?? 'localhost';
}

function summary(
  files: TlsFolder,
  { dns, ip }: HostNames,
  { validTo, renewed, newAuthority }: { validTo: string; renewed: boolean; newAuthority: boolean },
): string {
  const authority = newAuthority
    ? `New authority ${files.caCertificate}. Its key ${files.caKey} stays here, secret.`
    : `Signed by the authority that was there, ${files.caCertificate}: clients that trust it need nothing new.`;
  const running = renewed ? ' A running registry takes it up by itself.' : '';
  return `${renewed ? 'Renewed' : 'Made'} ${files.certificate}, valid until ${validTo}.${running}
It is for ${[...dns, ...ip].join(', ')}.
${authority}
`;
}
