import { InvalidLogConfigError } from './log-config-error.js';
import type { LogLimits } from './log-rotation.js';
import { hasJournal } from './read-journal.js';
import type { LogSource } from './read-log.js';
import { expectSyslog, parseSyslogTarget, type SyslogTarget } from './syslog-target.js';
import { TLS_OPTIONS } from './syslog-tls.js';

/** HostConfig.LogConfig. */
export type LogConfig = Readonly<{ Type?: string; Config?: Readonly<Record<string, string>> | null }>;

/** How a container's output is kept: `none` is not at all. */
export type LogPlan = Readonly<{
  driver: 'json-file' | 'journald' | 'none';
  limits: LogLimits;
  /** Where it is sent too. */
  syslog?: SyslogTarget;
}>;

/** Docker keeps everything if not told otherwise, until the disk is full. */
const DEFAULT_LIMITS: LogLimits = { maxBytes: 10_000_000, maxFiles: 3 };
/** Docker's, which this one reads and rotates as well. */
const FILE_DRIVERS = ['', 'json-file', 'local', 'k8s-file'];
/** Of json-file: what would be kept beside each line is not, what is compressed stays as it is. */
const ACCEPTED = [
  'max-size',
  'max-file',
  'mode',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
];
const OF_SYSLOG = [
  ...['syslog-address', 'syslog-facility', 'syslog-format', 'tag', 'mode', 'max-buffer-size'],
  ...['labels', 'labels-regex', 'env', 'env-regex'],
  ...TLS_OPTIONS,
];
const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };

/** @throws {InvalidLogConfigError} with docker's words. */
export function logPlanOf({ Type = '', Config }: LogConfig = {}): LogPlan {
  const options = Config ?? {};
  if (Type === 'none') return { driver: 'none', limits: DEFAULT_LIMITS };
  if (Type === 'journald') return journalPlan(options);
  if (Type === 'syslog') {
    expectOptions(Type, options, OF_SYSLOG);
    return { driver: 'json-file', limits: DEFAULT_LIMITS, syslog: parseSyslogTarget(options) };
  }
  if (!FILE_DRIVERS.includes(Type))
    throw new InvalidLogConfigError(
      `logger: no log driver named '${Type}' is registered: there are json-file, journald, syslog and none`,
    );
  expectOptions('json-file', options, ACCEPTED);
  return { driver: 'json-file', limits: limitsOf(options) };
}

function expectOptions(
  driver: string,
  options: Readonly<Record<string, string>>,
  known: readonly string[],
): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new InvalidLogConfigError(`unknown log opt '${unknown}' for ${driver} log driver`);
}

function journalPlan(options: Readonly<Record<string, string>>): LogPlan {
  const [name] = Object.keys(options);
  if (name !== undefined)
    throw new InvalidLogConfigError(`unknown log opt '${name}' for journald log driver: there are none here`);
  return { driver: 'journald', limits: DEFAULT_LIMITS };
}

/** There is what the output is to go to. @throws {InvalidLogConfigError} */
export async function expectLogDriver({ driver, syslog }: LogPlan): Promise<void> {
  if (syslog !== undefined) await expectSyslog(syslog);
  if (driver === 'journald' && !hasJournal())
    throw new InvalidLogConfigError(
      'log driver journald: no systemd-journald listens on this machine; use --log-driver json-file',
    );
}

/** Where the output of a container is kept to be read; `undefined` where it is not. @param file what json-file writes to. */
export function logSourceOf(
  { id, hostConfig }: Readonly<{ id: string; hostConfig: { LogConfig?: LogConfig } }>,
  file: string,
): LogSource | undefined {
  const { driver } = logPlanOf(hostConfig.LogConfig);
  if (driver === 'none') return undefined;
  return driver === 'journald' ? { journalOf: id } : file;
}

function limitsOf(options: Readonly<Record<string, string>>): LogLimits {
  const { 'max-size': size, 'max-file': count } = options;
  const maxBytes = size === undefined ? DEFAULT_LIMITS.maxBytes : bytesOf(size);
  if (count === undefined) {
    // As docker, which keeps one file if told how large it may become, and no more.
    return { maxBytes, maxFiles: size === undefined ? DEFAULT_LIMITS.maxFiles : 1 };
  }
  if (!/^\d+$/.test(count) || Number(count) < 1)
    throw new InvalidLogConfigError(`max-file cannot be less than 1, and is ${JSON.stringify(count)}`);
  return { maxBytes, maxFiles: Number(count) };
}

/** `10m` is ten million; -1 is no limit. */
function bytesOf(text: string): number {
  if (text === '-1') return Number.POSITIVE_INFINITY;
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)b?$/i.exec(text) ?? [];
  const bytes = amount === '' ? 0 : Math.floor(Number(amount) * (UNITS[unit.toLowerCase()] ?? 0));
  if (bytes > 0) return bytes;
  throw new InvalidLogConfigError(
    `max-size must be a positive number, and is ${JSON.stringify(text)}: write 10m`,
  );
}
