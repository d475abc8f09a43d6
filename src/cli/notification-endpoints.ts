import { parseTagGlob } from '../registry/auth/index.js';
import type { Config } from '../registry/config/index.js';
import { readConfigured } from '../registry/configured-file.js';
import type { Endpoint } from '../registry/events/index.js';
import { anyOf } from './settings.js';

type Configured = Config['notifications']['endpoints'][number];

/**
 * Who is told of events, as the configuration says, with the secrets that it names.
 * @throws {Error} naming the key of a file that cannot be read, or of a pattern that matches nothing.
 */
export function endpointsOf(config: Config): Promise<Endpoint[]> {
  const names = namesOf(config.notifications.endpoints);
  return Promise.all(
    config.notifications.endpoints.map((each, i) => endpointOf(config, each, names[i] ?? '')),
  );
}

async function endpointOf({ berth }: Config, configured: Configured, name: string): Promise<Endpoint> {
  const more = berth.notifications.endpoints[configured.name ?? ''];
  const key = `berth.notifications.endpoints.${name}`;
  const { url, authorization } = parseUrl(configured.url ?? '');
  return {
    name,
    disabled: configured.disabled,
    url,
    headers: { ...authorization, ...configured.headers },
    timeoutMs: configured.timeout,
    threshold: configured.threshold,
    backoffMs: configured.backoff,
    ignored: {
      mediaTypes: new Set([...configured.ignoredmediatypes, ...configured.ignore.mediatypes]),
      actions: new Set(configured.ignore.actions),
    },
    wanted: {
      repository: more?.repositories && anyOf(more.repositories, `${key}.repositories`),
      tag: more?.tags && anyOf(more.tags, `${key}.tags`, parseTagGlob),
      actions: more?.actions && new Set(more.actions),
    },
    secret: more && (await secretOf(more.signing, `${key}.signing.file`)),
    maxWaiting: berth.notifications.maxwaiting,
  };
}

/** The queue and metrics know endpoints by name: each has one of its own. */
function namesOf(endpoints: readonly Configured[]): string[] {
  const names: string[] = [];
  for (const { name, url } of endpoints) {
    const own = name || (URL.parse(url ?? '')?.host ?? 'endpoint');
    let unique = own;
    for (let i = 2; names.includes(unique); i += 1) unique = `${own} ${i}`;
    names.push(unique);
  }
  return names;
}

/** Credentials in a URL are sent in a header. What is no URL belongs to a disabled endpoint. */
function parseUrl(text: string): { url: URL; authorization: Record<string, string[]> } {
  const url = URL.parse(text) ?? new URL('http://disabled.invalid');
  if (url.username === '' && url.password === '') return { url, authorization: {} };
  const pair = decodeURIComponent(`${url.username}:${url.password}`);
  url.username = '';
  url.password = '';
  return { url, authorization: { Authorization: [`Basic ${Buffer.from(pair).toString('base64')}`] } };
}

async function secretOf(
  { secret, file }: Readonly<{ secret?: string | undefined; file?: string | undefined }>,
  key: string,
): Promise<string | undefined> {
  if (!file) return secret || undefined;
  const text = (await readConfigured(file, key)).toString().replace(/\r?\n$/, '');
  if (text === '') throw new Error(`${key}: ${file} is empty`);
  return text;
}
