import {
  check,
  type Dockerfile,
  expandStages,
  type Finding,
  findTarget,
  globalScope,
  type IgnoreRules,
  outline,
  printTree,
  targets,
} from '../builder/index.js';
import { hostPlatform, type Platform } from '../oci/index.js';
import { type BuildFlags, parseBuildArgs } from './build-flags.js';

type Checked = Readonly<{
  dockerfile: Dockerfile;
  ignore?: IgnoreRules;
  platform: Platform;
  flags: BuildFlags;
}>;

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

/** Prints what was asked for. @returns the exit code. */
export function answerCall(call: Exclude<ReturnType<typeof callOf>, 'build'>, checked: Checked): number {
  const { dockerfile } = checked;
  switch (call) {
    case 'tree':
      process.stdout.write(`${printTree(dockerfile).trimEnd()}\n`);
      return 0;
    case 'targets':
      process.stdout.write(targetsText(dockerfile));
      return 0;
    case 'outline':
      process.stdout.write(outlineText(checked));
      return 0;
    case 'check':
      return report(checked);
  }
}

/** Findings of the build checks. */
export function findingsOf({ dockerfile, ignore, platform, flags }: Checked): Finding[] {
  return check(dockerfile, {
    platforms: { build: { ...hostPlatform(), os: 'linux' }, target: platform },
    buildArgs: parseBuildArgs(flags.buildArg, process.env),
    ...(ignore && { ignore }),
  });
}

function report(checked: Checked): number {
  const { dockerfile } = checked;
  const findings = findingsOf(checked);
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

function outlineText({ dockerfile, platform, flags }: Checked): string {
  const globals = globalScope(dockerfile, {
    buildArgs: parseBuildArgs(flags.buildArg, process.env),
    platforms: { build: { ...hostPlatform(), os: 'linux' }, target: platform },
  });
  const target = findTarget(dockerfile, flags.target);
  return `${JSON.stringify(outline(dockerfile, expandStages(dockerfile, globals), target.index), null, 2)}\n`;
}
