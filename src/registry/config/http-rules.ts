import { validateHeaderName, validateHeaderValue } from 'node:http';
import { type Address, parseAddress } from './address.js';
import type { Report } from './notices.js';
import type { Config } from './schema/config.js';
import { type Tree, textAt } from './tree.js';

const PLAIN = 'has no effect without http.tls.certificate: the registry speaks HTTP';

/** Keys of the server that exclude or need each other, and what could not be said on the wire. */
export function checkHttp(root: Tree, { http }: Config, report: Report): void {
  const { problem, notice } = report;
  checkAddresses(root, http, report);
  checkTls(http.tls, report);
  checkHeaders('http.headers', http.headers, report);
  if (http.prefix && !http.prefix.startsWith('/')) problem('http.prefix', 'must begin with a slash: /path/');
  if (http.host === undefined && textAt(root, 'http.host'))
    notice('warn', 'http.host', 'is not a URL such as https://registry.example.com; ignored');
}

export function checkHealth({ health }: Config, report: Report): void {
  health.http.forEach(({ uri, headers }, index) => {
    if (!/^https?:$/.test(URL.parse(uri)?.protocol ?? ''))
      report.problem(`health.http.${index}.uri`, 'must be a URL such as http://db.example:8080/ready');
    checkHeaders(`health.http.${index}.headers`, headers, report);
  });
  health.tcp.forEach(({ addr }, index) => {
    if (parseAddress(addr) === undefined)
      report.problem(`health.tcp.${index}.addr`, 'must be an address such as db.example:5432');
  });
}

function checkAddresses(root: Tree, { net, addr, debug }: Config['http'], { problem, notice }: Report): void {
  const own = net === 'tcp' ? parseAddress(addr) : undefined;
  const other = debug.addr ? parseAddress(debug.addr) : undefined;
  const form = 'must be <host>:<port>, such as 127.0.0.1:5000 or :5000';
  if (net === 'tcp' && own === undefined) problem('http.addr', form);
  if (debug.addr && other === undefined) problem('http.debug.addr', form);
  if (own && other && isSame(own, other))
    problem('http.debug.addr', 'is the address of the registry itself, http.addr');
  if (debug.prometheus.enabled && !debug.addr)
    notice('warn', 'http.debug.prometheus.enabled', 'has no effect without http.debug.addr');
  if (textAt(root, 'http.addr') === undefined)
    notice('info', 'http.addr', `is not set; listening on ${addr}`);
}

/** Whether both cannot be listened at. */
function isSame(a: Address, b: Address): boolean {
  const [host = '', other = ''] = [a.host, b.host];
  const overlap = host === other || includesHost(host, other) || includesHost(other, host);
  return overlap && a.port === b.port && a.port !== 0;
}

/** Without a host, and with `::`, a server has all addresses; with `0.0.0.0` all of IPv4. */
function includesHost(host: string, other: string): boolean {
  return host === '' || host === '::' || (host === '0.0.0.0' && !other.includes(':'));
}

function checkTls(
  { certificate, key, clientcas, clientauth, minimumtls, ciphersuites }: Config['http']['tls'],
  { problem, notice }: Report,
): void {
  if (certificate && !key) problem('http.tls.key', 'is required with http.tls.certificate');
  if (certificate && clientauth?.includes('verify') && clientcas.length === 0)
    problem('http.tls.clientcas', `is required with clientauth ${clientauth}`);
  if (!certificate) {
    if (key) notice('warn', 'http.tls.key', PLAIN);
    if (clientcas.length > 0) notice('warn', 'http.tls.clientcas', PLAIN);
    if (clientauth) notice('warn', 'http.tls.clientauth', PLAIN);
  }
  if (minimumtls === 'tls1.3' && ciphersuites.length > 0)
    notice('warn', 'http.tls.ciphersuites', 'have no effect with minimumtls tls1.3, whose suites are fixed');
}

function checkHeaders(key: string, headers: Config['http']['headers'], { problem }: Report): void {
  for (const [name, values] of Object.entries(headers)) {
    const place = `${key}.${name}`;
    if (!isSound(() => validateHeaderName(name))) {
      const odd = [...name].find((letter) => !isSound(() => validateHeaderName(letter)));
      problem(
        place,
        `is not the name of a header${odd === undefined ? '' : `: ${named(odd)} cannot be in it`}`,
      );
      continue;
    }
    values.forEach((value, index) => {
      const odd = [...value].find((letter) => !isSound(() => validateHeaderValue(name, letter)));
      if (odd === undefined) return;
      problem(values.length > 1 ? `${place}.${index}` : place, `no header can carry ${named(odd)}`);
    });
  }
}

/** A character by its number: it may not be one that can be shown. */
function named(letter: string): string {
  const hex = (letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `U+${hex}${letter === ' ' ? ' (a space)' : ''}`;
}

function isSound(validate: () => void): boolean {
  try {
    validate();
    return true;
  } catch {
    return false;
  }
}
