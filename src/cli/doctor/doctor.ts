import { existsSync } from 'node:fs';
import { findRepositoryName } from '../../oci/index.js';
import {
  type Config,
  ConfigError,
  configPath,
  formatNotice,
  type LoadedConfig,
} from '../../registry/config/index.js';
import { readConfig } from '../config.js';
import { UsageError } from '../failure.js';
import { Interruption } from '../interruption.js';
import { findIndex } from '../open-index.js';
import { openExistingStore } from '../open-store.js';
import { openRegistryClient, systemTrust } from '../registries.js';
import type { RegistryFlags } from '../registry-options.js';
import { type CheckedDiagnosis, runChecks, type Severity } from './diagnosis.js';
import { MACHINE_CHECKS, type Machine } from './machine.js';
import { PUBLIC_CHECKS } from './public-registry.js';

export type DoctorFlags = RegistryFlags &
  Readonly<{ config?: string; repository?: string; strict?: boolean; json?: boolean }>;

const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
/** Below the name of the program, so that nobody takes it for an image. */
const TRIED_REPOSITORY = 'berth/doctor';

/**
 * `berth doctor`: of the registry that the configuration describes or, by its URL, as its clients see it. The exit code is 1
 * for errors, with `strict` for warnings too.
 */
export async function doctor(url: string | undefined, flags: DoctorFlags): Promise<void> {
  const found = url === undefined ? await examineMachine(flags.config) : await examineRegistry(url, flags);
  if (flags.json) process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
  else printDiagnoses(found);
  const bad: readonly Severity[] = flags.strict ? ['error', 'warning'] : ['error'];
  if (found.some(({ severity }) => bad.includes(severity))) process.exitCode = 1;
}

async function examineMachine(file: string | undefined): Promise<CheckedDiagnosis[]> {
  const { env } = process;
  const path = configPath(file, env);
  let loaded: LoadedConfig;
  try {
    loaded = await readConfig(file, env);
  } catch (error) {
    if (error instanceof ConfigError) return wrongConfiguration(error);
    throw error;
  }
  const { opened, failure } = await openQuietly(loaded.config);
  await using _opened = opened;
  const machine: Machine = { loaded, file: path, env, opened };
  return [...(await runChecks(MACHINE_CHECKS, machine)), ...failure];
}

/** What is not there yet is not made. */
async function openQuietly(
  config: Config,
): Promise<{ opened: Machine['opened']; failure: CheckedDiagnosis[] }> {
  const { filesystem, s3 } = config.storage;
  const isThere = s3 !== undefined || (filesystem !== undefined && existsSync(filesystem.rootdirectory));
  if (!isThere) return { opened: undefined, failure: [] };
  const indexed = !findIndex(config, process.env).isNew;
  try {
    const opened = await openExistingStore(config, QUIET, { withoutIndex: !indexed });
    return { opened: Object.assign(opened, { indexed }), failure: [] };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const means = 'the registry does not start';
    const remedy = 'see to the reason';
    return { opened: undefined, failure: [{ check: 'storage', severity: 'error', found, means, remedy }] };
  }
}

function wrongConfiguration({ problems, notices }: ConfigError): CheckedDiagnosis[] {
  const all = [
    ...problems.map((problem) => ['error', problem] as const),
    ...notices.map((notice) => [notice.level === 'warn' ? 'warning' : 'note', notice] as const),
  ];
  return all.map(([severity, notice]) => ({
    check: 'configuration',
    severity,
    found: formatNotice(notice),
    means: severity === 'error' ? 'the registry does not start' : 'it may explain what else is wrong',
    remedy: 'change the configuration, and see: berth config check',
  }));
}

async function examineRegistry(text: string, flags: DoctorFlags): Promise<CheckedDiagnosis[]> {
  const origin = parseOrigin(text);
  const repository = findRepositoryName(flags.repository ?? TRIED_REPOSITORY);
  if (repository === undefined) throw new UsageError(`not a name of a repository: ${flags.repository}`);
  using interruption = new Interruption();
  const { signal } = interruption;
  const plainHttp = flags.plainHttp ?? origin.protocol === 'http:';
  const reach = { retryTimes: 0, ...flags, plainHttp };
  await using client = await openRegistryClient(reach, { signal });
  const { registryToken: _, ...rest } = reach;
  await using anonymous = await openRegistryClient({ ...rest, creds: false }, { signal });
  const trust = await systemTrust({
    ...(flags.ca === undefined ? {} : { authorityFiles: [flags.ca] }),
    ...(flags.certDir === undefined ? {} : { forAll: flags.certDir }),
  });
  const insecure = flags.insecure === true || flags.tlsVerify === false;
  return runChecks(PUBLIC_CHECKS, { origin, client, anonymous, trust, insecure, repository, signal });
}

/** @throws {UsageError} */
function parseOrigin(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url && /^https?:$/.test(url.protocol) && /^\/(v2\/?)?$/.test(url.pathname) && url.username === '')
    return url;
  throw new UsageError(`not the URL of a registry: ${text}; write https://host[:port]`);
}

function printDiagnoses(all: readonly CheckedDiagnosis[]): void {
  const write = (line: string) => process.stdout.write(`${line}\n`);
  for (const { check, severity, found, means, remedy } of all) {
    write(`${severity}: ${check}: ${found}`);
    write(`  ${means}`);
    write(`  to do: ${remedy}`);
  }
  const count = (wanted: Severity) => all.filter(({ severity }) => severity === wanted).length;
  write(
    `${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}, ${counted(count('note'), 'note')}`,
  );
}

function counted(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}
