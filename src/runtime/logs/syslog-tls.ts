import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';
import { findBoolean } from '../../spelling/index.js';
import { lastWords } from '../errors.js';
import { requiredProgram, startProgram } from '../programs.js';
import { InvalidLogConfigError } from './log-config-error.js';

/** RFC 5425: whom to trust besides the authorities of the machine, and who this machine is. Files in PEM. */
export type SyslogTls = Readonly<{ ca?: string; cert?: string; key?: string; verify: boolean }>;

type TlsPlace = Readonly<{ host: string; port: number; tls: SyslogTls }>;

const FILES = ['ca-cert', 'cert', 'key'].map((name) => `syslog-tls-${name}`);
const SKIP_VERIFY = 'syslog-tls-skip-verify';
export const TLS_OPTIONS: readonly string[] = [...FILES, SKIP_VERIFY];

/** Only reads the words: the files are looked at by {@link expectTls}. @throws {InvalidLogConfigError} */
export function parseSyslogTls(options: Readonly<Record<string, string>>): SyslogTls {
  for (const name of FILES)
    if (options[name] !== undefined && !options[name].startsWith('/'))
      throw new InvalidLogConfigError(
        `${name} should be a whole path, as it is read at each start: ${options[name]}`,
      );
  const { 'syslog-tls-ca-cert': ca, 'syslog-tls-cert': cert, 'syslog-tls-key': key } = options;
  if ((cert === undefined) !== (key === undefined))
    throw new InvalidLogConfigError('syslog-tls-cert and syslog-tls-key go together: give both');
  const skip = options[SKIP_VERIFY];
  const skipped = skip === undefined ? false : skip === '' || findBoolean(skip);
  if (skipped === undefined)
    throw new InvalidLogConfigError(`${SKIP_VERIFY} is true or false, not ${JSON.stringify(skip)}`);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), verify: !skipped };
}

/** Sends its input there, encrypted, and ends when that does; it speaks only of failures. */
export function tlsCommand({ host, port, tls }: TlsPlace): string[] {
  const openssl = requiredProgram('openssl', { package: 'openssl', for: 'syslog-address=tcp+tls://' });
  const address = isIP(host) !== 0;
  return [
    ...[openssl, 's_client', '-quiet', '-no_ign_eof', '-nocommands'], // no line is a command, whatever it begins with
    ...['-connect', isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`],
    ...(address ? ['-noservername'] : ['-servername', host]),
    ...(tls.verify ? ['-verify', '10', '-verify_quiet', '-verify_return_error'] : []),
    ...(tls.verify ? [address ? '-verify_ip' : '-verify_hostname', host] : []),
    ...(tls.ca === undefined ? [] : ['-CAfile', tls.ca]),
    ...(tls.cert === undefined || tls.key === undefined ? [] : ['-cert', tls.cert, '-key', tls.key]),
  ];
}

/** Its files can be read, and it answers there with a certificate that is trusted. @throws {InvalidLogConfigError} */
export async function expectTls(place: TlsPlace, waitMs: number): Promise<void> {
  const { ca, cert, key } = place.tls;
  for (const file of [ca, cert, key]) if (file !== undefined) expectReadable(file);
  const [openssl = '', ...args] = tlsCommand(place);
  const child = startProgram(openssl, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: waitMs });
  const [words, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  if (code === 0) return;
  const [, untrusted] = (place.tls.verify && /verify error:num=\d+:(.*)/.exec(words)) || [];
  const why = code === null ? 'no answer in TLS' : (untrusted ?? lastWords(words));
  throw new InvalidLogConfigError(`log driver syslog: tcp+tls://${place.host}:${place.port}: ${why}`);
}

function expectReadable(file: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new InvalidLogConfigError(`log driver syslog: ${(error as Error).message}`, { cause: error });
  }
}
