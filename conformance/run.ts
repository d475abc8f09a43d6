import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startVitest, type TestModule, type Vitest } from 'vitest/node';
import { Client } from './client.ts';
import { type Expectation, readExpectation, surprises } from './expectation.ts';
import { summary, writeReport } from './report.ts';
import { type Result, resultsOf } from './results.ts';
import type { Settings } from './settings.ts';

const HERE = import.meta.dirname;

const HELP = `Checks a registry against the OCI distribution spec and what clients expect of one.

  npm run conformance -- --url URL [options]

  --url URL               the registry, such as http://127.0.0.1:5000
  --username U            with --password: an account that may pull, push and delete below the namespace
  --password P
  --namespace NAME        where the test repositories go (default: conformance)
  --ca FILE               trust these PEM certificates too
  --insecure              trust any certificate
  --only CATEGORY         run one category; may be repeated
  --report DIR            for results.json, table.md and junit.xml (default: conformance/report)
  --expect FILE           succeed if exactly the failures and skips listed there happen
  --allow-failures        exit with 0 although requirements failed
  --help

Examples:
  npm run conformance -- --url http://127.0.0.1:5000
  npm run conformance -- --url https://registry.example --username ci --password "$PASSWORD" --namespace ci/conformance
  npm run conformance -- --url http://127.0.0.1:5000 --only referrers --only tags

Exit code: 0 every MUST and SHOULD passed or was skipped, 1 something failed, 2 wrong usage or no registry there.
`;

class UsageError extends Error {}

type Run = Readonly<{
  settings: Settings;
  report: string;
  only: readonly string[];
  expectation: Expectation | undefined;
  allowFailures: boolean;
}>;

const OPTIONS = {
  url: { type: 'string' },
  username: { type: 'string' },
  password: { type: 'string' },
  namespace: { type: 'string', default: 'conformance' },
  ca: { type: 'string' },
  insecure: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true, default: [] as string[] },
  report: { type: 'string', default: path.join(HERE, 'report') },
  expect: { type: 'string' },
  'allow-failures': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

async function main(): Promise<number> {
  const { values } = parsed(() => parseArgs({ options: OPTIONS, strict: true }));
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const run: Run = {
    settings: {
      url: registryUrl(values.url),
      namespace: values.namespace.replace(/\/+$/, ''),
      credentials: credentials(values.username, values.password),
      ca: values.ca === undefined ? undefined : await readFile(values.ca, 'utf8').catch(asUsageError),
      insecure: values.insecure,
    },
    report: path.resolve(values.report),
    only: values.only.map(checkedCategory),
    expectation:
      values.expect === undefined ? undefined : await readExpectation(values.expect).catch(asUsageError),
    allowFailures: values['allow-failures'],
  };
  await reach(run.settings);
  return check(run);
}

async function check(run: Run): Promise<number> {
  const vitest = await runRequirements(run);
  const modules = vitest.state.getTestModules();
  const broken = [...modules.flatMap(collectionErrors), ...vitest.state.getUnhandledErrors().map(messageOf)];
  const results = resultsOf(modules);
  await vitest.close();
  await writeReport(run.report, run.settings.url, results);
  process.stdout.write(`\n${summary(results)}\n\nreport: ${run.report}\n`);
  for (const message of broken) process.stderr.write(`the suite itself failed: ${message}\n`);
  if (broken.length > 0 || results.length === 0) return 1;
  return run.expectation ? compare(results, run.expectation, run) : exitCode(results, run);
}

function exitCode(results: readonly Result[], { allowFailures }: Run): number {
  const failed = results.some(({ status, level }) => status === 'fail' && level !== 'MAY');
  return failed && !allowFailures ? 1 : 0;
}

function compare(results: readonly Result[], known: Expectation, { only }: Run): number {
  const lines = surprises(results, known, { complete: only.length === 0 });
  const verdict = lines.length === 0 ? 'exactly as known' : `not as known:\n  ${lines.join('\n  ')}`;
  process.stdout.write(`${known.registry}: ${verdict}\n`);
  return lines.length === 0 ? 0 : 1;
}

function runRequirements({ settings, only, report }: Run): Promise<Vitest> {
  const files = only.map(fileOf);
  const progress = {
    onTestModuleEnd: (module: TestModule) => {
      process.stdout.write(
        `${path.basename(module.moduleId, '.test.ts').padEnd(18)} ${module.ok() ? 'ok' : 'failed'}\n`,
      );
    },
  };
  return startVitest(files, {
    config: path.join(HERE, 'vitest.config.ts'),
    root: HERE,
    watch: false,
    provide: { settings },
    reporters: [
      progress,
      ['junit', { outputFile: path.join(report, 'junit.xml'), suiteName: 'conformance' }],
    ],
  });
}

/** @throws {UsageError} nothing there speaks to us, so that no test could mean anything. */
async function reach(settings: Settings): Promise<void> {
  const answer = await new Client(settings).request('GET', '/v2/').catch(asUsageError);
  if (answer.status === 200) return;
  const hint = answer.status === 401 ? ' (give --username and --password of an account that works)' : '';
  throw new UsageError(`no registry at ${settings.url}: ${answer}${hint}`);
}

function fileOf(category: string): string {
  return path.join(HERE, 'categories', `${category}.test.ts`);
}

function checkedCategory(name: string): string {
  if (/^\w+$/.test(name) && existsSync(fileOf(name))) return name;
  const known = readdirSync(path.join(HERE, 'categories')).map((file) => file.replace('.test.ts', ''));
  throw new UsageError(`--only ${name}: want one of ${known.toSorted().join(', ')}`);
}

function registryUrl(given: string | undefined): string {
  if (given === undefined) throw new UsageError('--url is missing; see --help');
  const url = URL.parse(given);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new UsageError(`--url ${given}: want http:// or https://`);
  return url.href;
}

function credentials(username: string | undefined, password: string | undefined): Settings['credentials'] {
  if (username === undefined && password === undefined) return undefined;
  if (username === undefined || password === undefined)
    throw new UsageError('--username and --password go together');
  return { username, password };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    return asUsageError(error);
  }
}

function asUsageError(error: unknown): never {
  throw new UsageError(messageOf(error), { cause: error });
}

function collectionErrors(module: TestModule): string[] {
  return module.errors().map(({ message }) => `${module.relativeModuleId}: ${message}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`conformance: ${error.message}\n`);
  process.exitCode = 2;
}
