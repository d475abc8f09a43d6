import { readFile } from 'node:fs/promises';
import { AccessRules } from '../registry/auth/index.js';
import {
  type Config,
  ConfigError,
  configPath,
  formatNotice,
  jsonSchema,
  type LoadedConfig,
  loadConfig,
  type Notice,
  renderJson,
  renderYaml,
} from '../registry/config/index.js';
import { parseListenAddress } from '../registry/http/index.js';
import { reasonOf } from './failure.js';
import { manifestRules } from './settings.js';

/** Where the answer goes, and the environment that overrides the file; the process's own unless a test says otherwise. */
export type ConfigCheckOptions = Readonly<{
  /** Warnings fail the check too. */
  strict?: boolean;
  format?: 'yaml' | 'json';
  env?: NodeJS.ProcessEnv;
  stdout?: Output;
  stderr?: Output;
}>;

type Output = { write(text: string): unknown };

/**
 * `berth config check`: prints the configuration as it takes effect, and on stderr what is wrong or worth knowing.
 * @param file read instead of REGISTRY_CONFIGURATION_PATH; with neither the embedded default is checked.
 * @returns the exit code: 1 when the registry would not start, or with `strict` when there are warnings.
 */
export async function checkConfig(
  file: string | undefined,
  options: ConfigCheckOptions = {},
): Promise<number> {
  const {
    strict = false,
    format = 'yaml',
    env = process.env,
    stdout = process.stdout,
    stderr = process.stderr,
  } = options;
  let loaded: LoadedConfig;
  try {
    loaded = await readConfig(file, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) stderr.write(`error: ${formatNotice(problem)}\n`);
    printNotices(error.notices, stderr);
    return 1;
  }
  const refused = refusals(loaded.config);
  for (const message of refused) stderr.write(`error: ${message}\n`);
  if (refused.length > 0) return 1;
  stdout.write(format === 'json' ? renderJson(loaded) : renderYaml(loaded));
  printNotices(loaded.notices, stderr);
  return strict && loaded.notices.some(({ level }) => level === 'warn') ? 1 : 0;
}

/** What the parts themselves will not start with, though it has the right form. Reads no files. */
function refusals(config: Config): string[] {
  const attempts = [
    () => new AccessRules(config.berth, { canLogIn: true }),
    () => parseListenAddress(config.http.net, config.http.addr, 'http.addr'),
    () => config.http.debug.addr && parseListenAddress('tcp', config.http.debug.addr, 'http.debug.addr'),
    () => manifestRules(config),
  ];
  return attempts.flatMap((attempt) => {
    try {
      attempt();
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
}

function printNotices(notices: readonly Notice[], stderr: Output): void {
  for (const notice of notices) stderr.write(`${notice.level}: ${formatNotice(notice)}\n`);
}

/** `berth config schema`: prints the JSON schema of the configuration file. */
export function printSchema(stdout: Output = process.stdout): void {
  stdout.write(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
}

/**
 * Reads the file that the argument or REGISTRY_CONFIGURATION_PATH names, if any, and loads the configuration.
 * @throws {ConfigError} also when the file cannot be read.
 */
export async function readConfig(file: string | undefined, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  const path = configPath(file, env);
  if (path === undefined) return loadConfig({ env });
  return loadConfig({ path, env, text: await readText(path) });
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `cannot read ${path}: ${reasonOf(error)}`;
    throw new ConfigError([{ key: '', message, origin: { from: 'default' } }]);
  }
}
