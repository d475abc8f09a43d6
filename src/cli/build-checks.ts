import {
  type BaseConfigs,
  type BuildOptions,
  type CheckOptions,
  check,
  type Dockerfile,
  expandStages,
  type Finding,
  findTarget,
  globalScope,
  type IgnoreRules,
  outline,
  printTree,
  rehearse,
  targets,
} from '../builder/index.js';
import { hostPlatform, type Platform } from '../oci/index.js';
import { type BuildFlags, parseBuildArgs } from './build-flags.js';

/** What the flags ask for instead of a build. */
export function callOf({
  check: isCheck,
  printTree: isTree,
  call,
}: BuildFlags): 'build' | 'check' | 'outline' | 'targets' | 'tree' {
  if (isTree === true) return 'tree';
  if (isCheck === true || call === 'lint') return 'check';
  return call;
}

type Described = Readonly<{ dockerfile: Dockerfile; platform: Platform; flags: BuildFlags }>;

/** Prints what the file says. @returns the exit code. */
export function describeFile(call: 'outline' | 'targets' | 'tree', described: Described): number {
  const { dockerfile } = described;
  switch (call) {
    case 'tree':
      process.stdout.write(`${printTree(dockerfile).trimEnd()}\n`);
      return 0;
    case 'targets':
      process.stdout.write(targetsText(dockerfile));
      return 0;
    case 'outline':
      process.stdout.write(outlineText(described));
      return 0;
  }
}

type Checked = Readonly<{
  options: BuildOptions;
  checkOptions: CheckOptions;
  ignore?: IgnoreRules;
  bases: BaseConfigs;
  signal: AbortSignal;
}>;

type Bases = Awaited<ReturnType<typeof rehearse>>;

/**
 * Findings of the build checks.
 * @param scope see {@link rehearse}.
 * @throws {StepError} words that no build could make sense of.
 */
export async function findingsOf(checked: Checked, scope: 'needed' | 'all' = 'needed'): Promise<Finding[]> {
  return findingsWith(await rehearse(checked.options, checked, scope), checked);
}

/**
 * Prints findings of the build checks, and those that there are beside words without sense.
 * @returns the exit code.
 * @throws {StepError} as {@link findingsOf}.
 */
export async function reportChecks(checked: Checked, scope: 'needed' | 'all'): Promise<number> {
  const { dockerfile } = checked.options;
  let bases: Bases;
  try {
    bases = await rehearse(checked.options, checked, scope);
  } catch (error) {
    checked.signal.throwIfAborted();
    const others = findingsWith(new Map(), checked);
    if (others.length > 0) {
      reportFindings(others, dockerfile);
      process.stdout.write('\n');
    }
    throw error;
  }
  return reportFindings(findingsWith(bases, checked), dockerfile);
}

function findingsWith(bases: Bases, { options, checkOptions, ignore }: Checked): Finding[] {
  const { dockerfile, buildArgs, buildPlatform, platforms } = options;
  return check(dockerfile, {
    platforms: { build: buildPlatform, target: platforms[0] ?? buildPlatform },
    buildArgs,
    ...(ignore && { ignore }),
    bases,
    options: checkOptions,
  });
}

/** Prints them. @returns the exit code. */
export function reportFindings(findings: readonly Finding[], dockerfile: Dockerfile): number {
  if (findings.length === 0) {
    process.stdout.write('Check complete, no warnings found.\n');
    return 0;
  }
  process.stdout.write(`Check complete, ${counted(findings)} found.\n`);
  for (const finding of findings) process.stdout.write(`\n${describe(finding, dockerfile)}\n`);
  return 1;
}

export function counted(findings: readonly Finding[]): string {
  return findings.length === 1 ? '1 warning' : `${findings.length} warnings`;
}

function describe({ rule, url, message, line, endLine }: Finding, { name, lines }: Dockerfile): string {
  const excerpt = lines
    .slice(line - 1, endLine)
    .map((text, i) => `${String(line + i).padStart(4)} | >>> ${text}`);
  return [
    `WARNING: ${rule}${url === undefined ? '' : ` - ${url}`}`,
    message,
    `${name}:${line}`,
    ...excerpt,
  ].join('\n');
}

function targetsText(dockerfile: Dockerfile): string {
  const rows = targets(dockerfile).map((target) => JSON.stringify(target));
  return `${rows.join('\n')}\n`;
}

function outlineText({ dockerfile, platform, flags }: Described): string {
  const globals = globalScope(dockerfile, {
    buildArgs: parseBuildArgs(flags.buildArg, process.env),
    platforms: { build: { ...hostPlatform(), os: 'linux' }, target: platform },
  });
  const target = findTarget(dockerfile, flags.target);
  return `${JSON.stringify(outline(dockerfile, expandStages(dockerfile, globals), target.index), null, 2)}\n`;
}
