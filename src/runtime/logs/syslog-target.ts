import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { requiredProgram } from '../programs.js';
import { InvalidLogConfigError } from './log-config-error.js';
import { expectTls, parseSyslogTls, type SyslogTls, TLS_OPTIONS, tlsCommand } from './syslog-tls.js';

/** Where lines are sent besides, and as what. */
export type SyslogTarget = Readonly<{
  place: SyslogPlace;
  /** '' is what is usual at the place. RFC 3164, RFC 5424. */
  format: '' | 'rfc3164' | 'rfc5424';
  /** 0 to 23: RFC 5424, section 6.2.1. */
  facility: number;
  /** With `{{.Name}}` and the like. */
  tag: string;
}>;

type SyslogPlace =
  | Readonly<{ kind: 'unix' | 'unixgram'; path: string }>
  | Readonly<{ kind: 'udp' | 'tcp'; host: string; port: number }>
  | Readonly<{ kind: 'tcp+tls'; host: string; port: number; tls: SyslogTls }>;

/** A program that takes lines to the place, and how they are given to it. */
export type SyslogSender = Readonly<{
  command: readonly string[];
  /** What stands before each line, priority and time aside; where it is '' the program writes all of it but the priority. */
  header: string;
  /** RFC 5424, and the length before each message as RFC 5425 has it; or RFC 3164. */
  format: 'rfc3164' | 'rfc5424';
}>;

/** What a tag may tell of a container. */
export type TaggedContainer = Readonly<{
  id: string;
  name: string;
  image: Readonly<{ id: string; name: string }>;
}>;

/** Of the machine itself: syslog(3). */
const LOCAL = '/dev/log';
const DEFAULT_PORT = 514;
/** More than a network takes, and less than a person waits: where packets are swallowed nobody ever answers. */
const ANSWER_MS = 5000;
const FACILITIES = (
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ' +
  '- - - - local0 local1 local2 local3 local4 local5 local6 local7'
).split(' ');
const FORMATS: Readonly<Record<string, SyslogTarget['format']>> = {
  '': '',
  rfc3164: 'rfc3164',
  rfc5424: 'rfc5424',
  rfc5424micro: 'rfc5424', // its times have microseconds anyway
};
const TAGS: Readonly<Record<string, (container: TaggedContainer) => string>> = {
  ID: ({ id }) => id.slice(0, 12),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ image }) => image.id.replace(/^sha256:/, '').slice(0, 12),
  ImageFullID: ({ image }) => image.id,
  ImageName: ({ image }) => image.name,
  DaemonName: () => 'berth',
};
const PLACEHOLDER = /\{\{ *\.(\w+) *\}\}/g;

/** Docker's options of `--log-driver syslog`. @throws {InvalidLogConfigError} */
export function parseSyslogTarget(options: Readonly<Record<string, string>>): SyslogTarget {
  const { 'syslog-facility': facility = 'daemon', 'syslog-format': format = '', tag = '{{.ID}}' } = options;
  const number = /^\d+$/.test(facility) ? Number(facility) : FACILITIES.indexOf(facility);
  if (number < 0 || number > 23 || facility === '-')
    throw new InvalidLogConfigError('invalid syslog facility');
  if (number === 0)
    throw new InvalidLogConfigError('the syslog facility kern is for the kernel alone: choose another one');
  const known = FORMATS[format];
  if (known === undefined)
    throw new InvalidLogConfigError(
      `invalid syslog format ${JSON.stringify(format)}: there are rfc3164, rfc5424 and rfc5424micro`,
    );
  const unknown = tag.replaceAll(PLACEHOLDER, (text, name: string) =>
    Object.hasOwn(TAGS, name) ? '' : text,
  );
  if (unknown.includes('{{'))
    throw new InvalidLogConfigError(
      `invalid tag ${JSON.stringify(tag)}: it knows ${Object.keys(TAGS)
        .map((name) => `{{.${name}}}`)
        .join(', ')}`,
    );
  return { place: parsePlace(options), format: known, facility: number, tag };
}

/** @param pid whose lines they are. @throws {RuntimeUnavailableError} the program is not installed. */
export function syslogSender(
  target: SyslogTarget,
  { container, pid }: Readonly<{ container: TaggedContainer; pid: number }>,
): SyslogSender {
  const { place } = target;
  const tag = target.tag.replaceAll(PLACEHOLDER, (_, name: string) => TAGS[name]?.(container) ?? '');
  const format = target.format || 'rfc3164';
  if (place.kind !== 'tcp+tls')
    return { command: loggerCommand(target, place, { tag, pid }), header: '', format };
  const header =
    format === 'rfc5424' ? `${hostname()} ${appName(tag)} ${pid} - -` : `${hostname()} ${tag}[${pid}]:`;
  return { command: tlsCommand(place), header, format };
}

/** RFC 5424, section 6.2.5. */
const appName = (tag: string) => tag.replaceAll(/[^!-~]/g, '_').slice(0, 48) || '-';

/** logger(1), which sends lines from its input there, with priorities before them. */
function loggerCommand(
  { format }: SyslogTarget,
  place: Exclude<SyslogPlace, { kind: 'tcp+tls' }>,
  { tag, pid }: Readonly<{ tag: string; pid: number }>,
): string[] {
  const logger = requiredProgram('logger', { package: 'bsdutils', for: 'the log driver syslog' });
  const stream = place.kind === 'tcp' || place.kind === 'unix' ? '--tcp' : '--udp';
  const where =
    'path' in place
      ? ['--socket', place.path]
      : ['--server', place.host, '--port', String(place.port), ...(format === '' ? ['--rfc3164'] : [])];
  const how = format === 'rfc5424' ? ['--rfc5424=notq'] : format === '' ? [] : [`--${format}`];
  return [logger, '--prio-prefix', `--id=${pid}`, '--size', '20000', '--tag', tag, stream, ...where, ...how];
}

/** Somebody listens there, as far as that can be known. @throws {InvalidLogConfigError} */
export async function expectSyslog({ place }: SyslogTarget): Promise<void> {
  if ('path' in place && statSync(place.path, { throwIfNoEntry: false })?.isSocket() !== true)
    throw new InvalidLogConfigError(
      `log driver syslog: nothing listens at ${place.path} of this machine: install a syslog daemon such as rsyslog, ` +
        'or name one with --log-opt syslog-address=udp://HOST:514',
    );
  if (place.kind === 'udp' || place.kind === 'unixgram') return;
  const socket = connect(place);
  const where = 'path' in place ? place.path : `${place.host}:${place.port}`;
  socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`no answer from ${where}`)));
  try {
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  } catch (error) {
    throw new InvalidLogConfigError(`log driver syslog: ${(error as Error).message}`, { cause: error });
  } finally {
    socket.destroy();
  }
  if (place.kind === 'tcp+tls') await expectTls(place, ANSWER_MS);
}

function parsePlace(options: Readonly<Record<string, string>>): SyslogPlace {
  const { 'syslog-address': address = '' } = options;
  const [, kind = '', rest = ''] = /^(unix|unixgram|udp|tcp|tcp\+tls):\/\/(.+)$/.exec(address) ?? [];
  const secret = TLS_OPTIONS.find((name) => options[name] !== undefined);
  if (secret !== undefined && kind !== 'tcp+tls')
    throw new InvalidLogConfigError(`${secret} needs syslog-address=tcp+tls://HOST:PORT`); // who asks for TLS means it
  if (address === '') return { kind: 'unixgram', path: LOCAL };
  if (kind === 'unix' || kind === 'unixgram') {
    if (rest.startsWith('/')) return { kind, path: rest };
  } else if (kind === 'udp' || kind === 'tcp' || kind === 'tcp+tls') {
    const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
    const host = bracketed ?? plain;
    const there = { host, port: Number(port ?? DEFAULT_PORT) };
    if (host !== '')
      return kind === 'tcp+tls' ? { kind, ...there, tls: parseSyslogTls(options) } : { kind, ...there };
  }
  throw new InvalidLogConfigError(
    `syslog-address should be in form proto://address, got ${address}: write unix:///PATH, unixgram:///PATH, ` +
      'udp://HOST:PORT, tcp://HOST:PORT or tcp+tls://HOST:PORT',
  );
}
