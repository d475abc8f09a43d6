import type { Platform } from '../../../oci/index.js';
import { DEFAULT_CHECK_OPTIONS, parseCheckOptions } from '../directives.js';
import type { CheckOptions, Dockerfile, Finding } from '../dockerfile.js';
import { DockerfileError, SyntaxProblem } from '../errors.js';
import type { IgnoreRules } from '../ignore-rules.js';
import type { AnyInstruction } from '../instruction.js';
import { finding, RULES, type Rule, type RuleName } from '../rules.js';
import type { Platforms } from '../scope.js';
import { checkBases } from './bases.js';
import { checkCasing } from './casing.js';
import { checkInstructions } from './instructions.js';
import { checkNames } from './names.js';
import { checkVariables } from './variables.js';

/** What is known of the image that a stage is from. */
export type KnownBase = Readonly<{
  environment: ReadonlyMap<string, string>;
  /** Its ONBUILD. */
  triggers: readonly string[];
  /** Where it should be that of the stage. */
  platform?: Pick<Platform, 'os' | 'architecture' | 'variant'>;
}>;

/** What the checks know besides the file. The less it is, the less they find; they never find more. */
export type CheckContext = Readonly<{
  platforms: Platforms;
  buildArgs?: ReadonlyMap<string, string>;
  /** Of the context. */
  ignore?: IgnoreRules;
  /** By index of the stage. */
  bases?: ReadonlyMap<number, KnownBase>;
  /** Instead of the file's own `# check=`. */
  options?: CheckOptions;
}>;

/** What a check says, and of which instruction: it may have a comment that silences it. */
export type Report = (rule: RuleName, parts: readonly string[], instruction: AnyInstruction) => void;

/**
 * BuildKit's build checks, without those that `# check=skip=` names, in the order of lines. Words that cannot be
 * expanded end them early: the build will say what is wrong there.
 */
export function check(dockerfile: Dockerfile, context: CheckContext): Finding[] {
  const options = context.options ?? dockerfile.checkOptions;
  const findings = dockerfile.warnings.filter(({ rule }) => isWanted(rule, options));
  const report: Report = (rule, parts, instruction) => {
    const own = ownOptions(instruction);
    const experimental = merged(options.experimental, own.experimental);
    if (!isWanted(rule, { ...options, experimental }) || skips(own, rule)) return;
    findings.push(finding(rule, parts, instruction.location));
  };
  checkCasing(dockerfile, report);
  checkNames(dockerfile, report);
  checkInstructions(dockerfile, context, report);
  unlessBroken(() => {
    checkBases(dockerfile, context, report);
    checkVariables(dockerfile, context, report);
  });
  return findings.sort((a, b) => a.line - b.line);
}

function unlessBroken(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
  }
}

function isWanted(rule: string, options: CheckOptions): boolean {
  if (skips(options, rule)) return false;
  const { experimental }: Pick<Rule, 'experimental'> = (RULES as Readonly<Record<string, Rule>>)[rule] ?? {};
  return experimental !== true || names(options.experimental, rule);
}

function skips({ skip }: CheckOptions, rule: string): boolean {
  return names(skip, rule);
}

function names(rules: 'all' | readonly string[], rule: string): boolean {
  return rules === 'all' || rules.some((name) => name.toLowerCase() === rule.toLowerCase());
}

function merged(a: 'all' | readonly string[], b: 'all' | readonly string[]): 'all' | readonly string[] {
  return a === 'all' || b === 'all' ? 'all' : [...a, ...b];
}

/** `# check=skip=A` right above an instruction. One that makes no sense is a comment like others. */
function ownOptions({ comments }: AnyInstruction): CheckOptions {
  const text = comments.findLast((comment) => /^check\s*=/i.test(comment));
  if (text === undefined) return DEFAULT_CHECK_OPTIONS;
  try {
    return parseCheckOptions(text.slice(text.indexOf('=') + 1));
  } catch (error) {
    if (error instanceof SyntaxProblem) return DEFAULT_CHECK_OPTIONS;
    throw error;
  }
}
