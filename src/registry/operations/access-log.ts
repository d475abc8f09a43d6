import type { Config } from '../config/index.js';
import { clientAddress } from './client-address.js';
import { presentFields } from './log-fields.js';
import { escapeInvisible } from './log-text.js';
import type { LineSink } from './output.js';

/** A request that is over, however it ended. */
export type FinishedRequest = Readonly<{
  id: string;
  /** Name of what answered, as in metrics: `manifest`, `blob_upload`. */
  handler: string;
  /** Address of the peer, which may be a proxy; `undefined` for a unix socket. */
  remoteAddress: string | undefined;
  /** Value of X-Forwarded-For, whoever sent it. */
  forwardedFor: string | undefined;
  /** Who logged in, if anybody. */
  user: string | undefined;
  method: string;
  host: string | undefined;
  /** Path and query as received. */
  url: string;
  httpVersion: string;
  status: number;
  requestBytes: number;
  responseBytes: number;
  durationMs: number;
  referer: string | undefined;
  userAgent: string | undefined;
}>;

type AccessLogConfig = Pick<Config['log'], 'accesslog' | 'formatter' | 'fields'>;
type Format = (request: FinishedRequest, address: string, startedAt: Date) => string;

const MAX_URL_CHARACTERS = 4096;
const MAX_HEADER_CHARACTERS = 1024;

/**
 * One line for each request: Apache's combined format, or JSON with the reference registry's field names.
 * @param parts `trusted` tells proxies whose X-Forwarded-For counts; `output` should be buffered.
 */
export function accessLog(
  config: AccessLogConfig,
  parts: Readonly<{ output: LineSink; trusted: (address: string | undefined) => boolean }>,
): (request: FinishedRequest) => void {
  if (config.accesslog.disabled) return () => {};
  const { output, trusted } = parts;
  const format = config.formatter === 'text' ? combined() : json(config);
  return (request) => {
    const address = clientAddress(request.remoteAddress, request.forwardedFor, trusted);
    output.write(format(request, address, new Date(Date.now() - request.durationMs)));
  };
}

/** @see https://httpd.apache.org/docs/current/mod/mod_log_config.html, "Combined Log Format" */
function combined(): Format {
  const timeOf = commonTime();
  return (request, address, startedAt) => {
    const { user, method, httpVersion, status, responseBytes } = request;
    const target = `${escaped(method)} ${escaped(loggedUrl(request.url))} HTTP/${httpVersion}`;
    const client = `"${headerText(request.referer)}" "${headerText(request.userAgent)}"`;
    const who = `${address || '-'} - ${user ? escapedUser(user) : '-'}`;
    return `${who} [${timeOf(startedAt)}] "${target}" ${status} ${responseBytes} ${client}\n`;
  };
}

function json({ formatter, fields }: AccessLogConfig): Format {
  const logstash = formatter === 'logstash';
  const { level, ...rest } = logstash
    ? { level: 'info', '@version': '1', message: 'response completed' }
    : { level: 'info', msg: 'response completed' };
  const fixed = { level, ...presentFields(fields, { stacks: false }), ...rest };
  const start = `${JSON.stringify(fixed).slice(0, -1)},"${logstash ? '@timestamp' : 'time'}":"`;
  return (request, address, startedAt) => {
    const { referer, userAgent, user } = request;
    let line = `${start}${startedAt.toISOString()}","http.request.id":${JSON.stringify(request.id)}`;
    line += `,"http.request.remoteaddr":${JSON.stringify(address)}`;
    if (user !== undefined) line += `,"auth.user.name":${JSON.stringify(user)}`;
    line += `,"http.request.method":${JSON.stringify(request.method)}`;
    line += `,"http.request.host":${JSON.stringify(cut(request.host ?? '', MAX_HEADER_CHARACTERS))}`;
    line += `,"http.request.uri":${JSON.stringify(loggedUrl(request.url))}`;
    if (referer)
      line += `,"http.request.referer":${JSON.stringify(loggedUrl(cut(referer, MAX_HEADER_CHARACTERS)))}`;
    if (userAgent)
      line += `,"http.request.useragent":${JSON.stringify(cut(userAgent, MAX_HEADER_CHARACTERS))}`;
    line += `,"http.response.status":${request.status},"http.response.written":${request.responseBytes}`;
    return escapeInvisible(`${line},"http.response.duration":"${request.durationMs.toFixed(3)}ms"}\n`);
  };
}

const SECRET_PARAMETER =
  /^_state$|signature|^sig$|token|password|passwd|secret|credential|^key-pair-id$|^policy$/i;

/** Parameters that let somebody in are left out whole. */
function loggedUrl(url: string): string {
  const question = url.indexOf('?');
  if (question === -1) return cut(url, MAX_URL_CHARACTERS);
  const kept = url
    .slice(question + 1)
    .split('&')
    .filter((parameter) => !SECRET_PARAMETER.test(parameterName(parameter)));
  return cut(
    kept.length === 0 ? url.slice(0, question) : `${url.slice(0, question)}?${kept.join('&')}`,
    MAX_URL_CHARACTERS,
  );
}

function parameterName(parameter: string): string {
  const equals = parameter.indexOf('=');
  const name = equals === -1 ? parameter : parameter.slice(0, equals);
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return '_state'; // nobody can say what it is
  }
}

function cut(text: string, max: number): string {
  return text.length > max ? text.slice(0, max) : text;
}

function headerText(value: string | undefined): string {
  return value ? escaped(cut(loggedUrl(value), MAX_HEADER_CHARACTERS)) : '-';
}

/** What may stand between quotes as it is: printable ASCII but quotes and backslashes. */
const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_PLAIN = /[^ !#-[\]-~]/g;

function escaped(text: string): string {
  return PLAIN.test(text) ? text : text.replace(NOT_PLAIN, escapedCharacter);
}

/** Stands without quotes: blanks and brackets would shift the fields behind it. */
function escapedUser(user: string): string {
  return escaped(cut(user, MAX_HEADER_CHARACTERS)).replace(/[ [\]]/g, escapedCharacter);
}

function escapedCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  const code = character.charCodeAt(0);
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `31/Jan/2026:10:00:00 +0100`, made once for each second. */
function commonTime(): (date: Date) => string {
  let second = Number.NaN;
  let text = '';
  return (date) => {
    const current = Math.floor(date.getTime() / 1000);
    if (current !== second) {
      second = current;
      text = commonTimeText(date);
    }
    return text;
  };
}

function commonTimeText(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const offset = -date.getTimezoneOffset();
  const zone = `${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  return `${day}:${time} ${offset < 0 ? '-' : '+'}${zone}`;
}
