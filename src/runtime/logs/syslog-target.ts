import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { InvalidLogConfigError } from './log-config-error.js';

/** Where lines are sent besides, and as what. */
export type SyslogTarget = Readonly<{
  place: SyslogPlace;
  /** '' is what is usual at the place. RFC 3164, RFC 5424. */
  format: '' | 'rfc3164' | 'rfc5424';
  /** 0 to 23: RFC 5424, section 6.2.1. */
  facility: number;
  /** With what {@link syslogTag} fills in. */
  tag: string;
}>;

type SyslogPlace =
  | Readonly<{ kind: 'unix' | 'unixgram'; path: string }>
  | Readonly<{ kind: 'udp' | 'tcp'; host: string; port: number }>;

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
  return { place: parsePlace(options['syslog-address']), format: known, facility: number, tag };
}

/** The tag of a container's lines. */
export function syslogTag({ tag }: SyslogTarget, container: TaggedContainer): string {
  return tag.replaceAll(PLACEHOLDER, (_, name: string) => TAGS[name]?.(container) ?? '');
}

/** For logger(1), which sends lines from its input there, with priorities before them. @param pid whose they are. */
export function loggerArguments(
  target: SyslogTarget,
  { tag, pid }: Readonly<{ tag: string; pid: number }>,
): string[] {
  const { place, format } = target;
  const stream = place.kind === 'tcp' || place.kind === 'unix' ? '--tcp' : '--udp';
  const where =
    'path' in place
      ? ['--socket', place.path]
      : ['--server', place.host, '--port', String(place.port), ...(format === '' ? ['--rfc3164'] : [])];
  const how = format === 'rfc5424' ? ['--rfc5424=notq'] : format === '' ? [] : [`--${format}`];
  return ['--prio-prefix', `--id=${pid}`, '--size', '20000', '--tag', tag, stream, ...where, ...how];
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
}

function parsePlace(address: string | undefined): SyslogPlace {
  if (!address) return { kind: 'unixgram', path: LOCAL };
  const [, kind = '', rest = ''] = /^(unix|unixgram|udp|tcp):\/\/(.+)$/.exec(address) ?? [];
  if (kind === 'unix' || kind === 'unixgram') {
    if (rest.startsWith('/')) return { kind, path: rest };
  } else if (kind === 'udp' || kind === 'tcp') {
    const [, bracketed, plain = '', port] = /^(?:\[([^\]]+)\]|([^:/]+))(?::(\d{1,5}))?\/?$/.exec(rest) ?? [];
    const host = bracketed ?? plain;
    if (host !== '') return { kind, host, port: Number(port ?? DEFAULT_PORT) };
  }
  throw new InvalidLogConfigError(
    `syslog-address should be in form proto://address, got ${address}: write unix:///PATH, unixgram:///PATH, ` +
      'udp://HOST:PORT or tcp://HOST:PORT',
  );
}
