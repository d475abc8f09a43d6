import { readFile } from 'node:fs/promises';
import {
  ConfigError,
  configPath,
  formatNotice,
  isAbout,
  jsonSchema,
  type LoadedConfig,
  loadConfig,
  type Problem,
  renderJson,
  renderYaml,
  type SoundConfig,
} from '../registry/config/index.js';
import { reasonOf } from '../registry/system-error.js';
import { type Trial, tryParts } from './config-trial.js';

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
 * Files that it names are read, with the rights of the caller.
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
  const { found, ...first } = await tryReading(file, env);
  const second = found ? await tryParts(found) : NOTHING;
  const isNew = ({ key }: Problem) => key === '' || !first.problems.some((other) => isAbout(key, other.key));
  const problems = [...first.problems, ...second.problems.filter(isNew)];
  const notices = [...first.notices, ...second.notices];
  if (found && problems.length === 0) {
    const complete = { ...found, notices };
    stdout.write(format === 'json' ? renderJson(complete) : renderYaml(complete));
  }
  printFindings({ problems, notices }, stderr);
  const failed = problems.length > 0 || (strict && notices.some(({ level }) => level === 'warn'));
  return failed ? 1 : 0;
}

const NOTHING: Trial = { problems: [], notices: [] };

/** @returns what can be tried out too, even where something is wrong with the rest. */
async function tryReading(
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Trial & Readonly<{ found: SoundConfig | undefined }>> {
  try {
    const { notices, ...found } = await readConfig(file, env);
    return { problems: [], notices, found };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems, notices, rest } = error;
    return { problems, notices, found: rest };
  }
}

function printFindings({ problems, notices }: Trial, stderr: Output): void {
  for (const problem of problems) stderr.write(`error: ${formatNotice(problem)}\n`);
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
