import { stat } from 'node:fs/promises';
import { AccessRules, globAt, HtpasswdAuthenticator, parseTagGlob } from '../registry/auth/index.js';
import type { Config, Notice, Problem, SoundConfig } from '../registry/config/index.js';
import { loadTls } from '../registry/tls/index.js';
import { openJobs, openRobots } from './authentication.js';
import { fieldsText } from './console-logger.js';
import { manifestRules, quotaRules, registrySettings, retentionRules, tlsFilesOf } from './settings.js';

/** What the parts would say at the start, though the configuration has the right form. */
export type Trial = Readonly<{ problems: readonly Problem[]; notices: readonly Notice[] }>;

/** Tries out the parts, with the files that the configuration names and the rights of the caller. Changes nothing. */
export async function tryParts({ config, origins }: SoundConfig): Promise<Trial> {
  const notices: Notice[] = [];
  const originOf = (key: string) => origins.get(key) ?? ({ from: 'default' } as const);
  const attempts = [
    ...patternAttempts(config),
    () => new AccessRules(config.berth, { canLogIn: true }),
    () => manifestRules(config),
    () => registrySettings(config),
    () => retentionRules(config),
    () => quotaRules(config),
    () => tryEndpoints(config),
    () => tryRoot(config),
    () => tryTls(config),
    () => openRobots(config, SILENT),
    () => openJobs(config, SILENT),
    () =>
      tryUsers(config, (level, message) =>
        notices.push({ level, key: USERS, message, origin: originOf(USERS) }),
      ),
  ];
  const texts = new Set<string>(); // what two parts say is said once
  for (const attempt of attempts) {
    try {
      await attempt();
    } catch (error) {
      texts.add(error instanceof Error ? error.message : String(error));
    }
  }
  const problems = [...texts].map((text) => {
    const [, place = '', message = text] = KEYED.exec(text) ?? [];
    const key = place.replace(/\[(\d+)\]/g, '.$1');
    return { key, message, origin: originOf(key) };
  });
  return { problems, notices };
}

/** `berth.access[0].repositories[1]: what is wrong` */
const KEYED = /^([a-z]+(?:\.[a-z0-9]+|\[\d+\])+): (.*)$/s;

/** Each by itself: the parts stop at the first. */
function patternAttempts({ berth }: Config): (() => unknown)[] {
  const { access, immutable, mirrors, quotas, retention, warnings } = berth;
  return Object.entries({ access, immutable, mirrors, quotas, retention, warnings }).flatMap(
    ([list, rules]) =>
      rules.flatMap((rule: Readonly<{ repositories: readonly string[]; tags?: readonly string[] }>, at) => {
        const place = `berth.${list}[${at}]`;
        const { repositories, tags = [] } = rule;
        return [
          ...repositories.map((text, i) => () => globAt(text, `${place}.repositories[${i}]`)),
          ...tags.map((text, i) => () => globAt(text, `${place}.tags[${i}]`, parseTagGlob)),
        ];
      }),
  );
}

/** What sends events is loaded only where there is somebody to send them to. */
async function tryEndpoints(config: Config): Promise<void> {
  if (config.notifications.endpoints.length === 0) return;
  const { endpointsOf } = await import('./notification-endpoints.js');
  await endpointsOf(config);
}

/** A directory that is missing is made at the start. */
async function tryRoot({ storage: { filesystem } }: Config): Promise<void> {
  const root = filesystem?.rootdirectory;
  if (root === undefined || (await isMissing(root))) return;
  if (!(await stat(root)).isDirectory())
    throw new Error(`storage.filesystem.rootdirectory: ${root} is no directory`);
}

async function tryTls(config: Config): Promise<void> {
  const files = tlsFilesOf(config);
  if (files !== undefined) await loadTls(files);
}

const SILENT = { info: () => {}, warn: () => {} };

const USERS = 'auth.htpasswd.path';

async function tryUsers({ auth }: Config, note: (level: Notice['level'], message: string) => void) {
  if (auth.htpasswd === undefined) return;
  const { path } = auth.htpasswd;
  if (await isMissing(path)) {
    note('info', `${path} is missing; the start makes it, with a user docker and a random password`);
    return;
  }
  const warn = (fields: object, message: string) => note('warn', `${message}${fieldsText(fields)}`);
  const users = await HtpasswdAuthenticator.open({
    ...auth.htpasswd,
    log: { info: () => {}, warn },
    verifiedTtlMs: 0,
  });
  users.close();
}

function isMissing(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}
