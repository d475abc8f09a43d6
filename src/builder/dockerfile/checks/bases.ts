import { formatPlatform, OciError, type Platform, parsePlatform } from '../../../oci/index.js';
import { findNearest } from '../../../spelling/index.js';
import type { Dockerfile, Stage } from '../dockerfile.js';
import { ExpansionError, expand } from '../expand.js';
import { globalScope } from '../scope.js';
import { baseOf } from '../stages.js';
import type { CheckContext, Report } from './check.js';

/** FROM lines. */
export function checkBases(dockerfile: Dockerfile, context: CheckContext, report: Report): void {
  const { platforms, buildArgs = new Map() } = context;
  const globals = globalScope(dockerfile, { buildArgs, platforms });
  const defaults = globalScope(dockerfile, { buildArgs: new Map(), platforms });
  for (const stage of dockerfile.stages) {
    checkArguments(dockerfile, stage, globals, report);
    checkDefaults(dockerfile, stage, defaults, report);
    checkPlatformFlag(dockerfile, stage, globals, report);
    checkBasePlatform(dockerfile, stage, context, globals, report);
  }
}

type Scope = ReadonlyMap<string, string>;
type Expansion = Readonly<{ text: string; found: readonly string[]; missing: readonly string[] }>;

/** @returns undefined when the build will say why not. */
function tryExpand(dockerfile: Dockerfile, word: string, scope: Scope): Expansion | undefined {
  const [found, missing] = [new Set<string>(), new Set<string>()];
  try {
    const text = expand(word, (name) => scope.get(name), {
      escape: dockerfile.escape,
      onName: (name, isFound) => (isFound ? found : missing).add(name),
    });
    return { text, found: [...found], missing: [...missing] };
  } catch (error) {
    if (error instanceof ExpansionError) return undefined;
    throw error;
  }
}

/** A declaration without a value is enough. */
function checkArguments(
  dockerfile: Dockerfile,
  { from, baseName, platform = '' }: Stage,
  scope: Scope,
  report: Report,
) {
  const declared = new Set(dockerfile.globalArgs.flatMap(({ args }) => args.map(({ name }) => name)));
  for (const word of [baseName, platform]) {
    for (const name of tryExpand(dockerfile, word, scope)?.missing ?? []) {
      if (declared.has(name)) continue;
      report('UndefinedArgInFrom', [name, findNearest(name, [...declared, ...scope.keys()]) ?? ''], from);
    }
  }
}

function checkDefaults(
  dockerfile: Dockerfile,
  { index, from, baseName }: Stage,
  defaults: Scope,
  report: Report,
): void {
  const base = tryExpand(dockerfile, baseName, defaults);
  if (base === undefined || base.found.length + base.missing.length === 0) return;
  if (!canBeBase(dockerfile, base.text, index)) report('InvalidDefaultArgInFrom', [baseName], from);
}

function canBeBase(dockerfile: Dockerfile, name: string, before: number): boolean {
  try {
    return name !== '' && baseOf(dockerfile, name, before) !== undefined;
  } catch (error) {
    if (error instanceof OciError) return false;
    throw error;
  }
}

function checkPlatformFlag(dockerfile: Dockerfile, stage: Stage, scope: Scope, report: Report): void {
  const { from, platform, name = '' } = stage;
  const expansion = platform === undefined ? undefined : tryExpand(dockerfile, platform, scope);
  if (platform === undefined || expansion === undefined) return;
  const { text, found, missing } = expansion;
  const isTarget = found.length === 1 && found[0] === 'TARGETPLATFORM' && missing.length === 0;
  if (isTarget && text === scope.get('TARGETPLATFORM')) report('RedundantTargetPlatform', [platform], from);
  const constant = found.length + missing.length === 0 ? readPlatform(text) : undefined;
  if (constant === undefined || name.includes(constant.os) || name.includes(constant.architecture)) return;
  report('FromPlatformFlagConstDisallowed', [text], from);
}

function readPlatform(text: string): Platform | undefined {
  try {
    return parsePlatform(text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function checkBasePlatform(
  dockerfile: Dockerfile,
  { index, from, baseName, platform = '' }: Stage,
  { bases, platforms }: CheckContext,
  scope: Scope,
  report: Report,
): void {
  const actual = bases?.get(index)?.platform;
  const asked = tryExpand(dockerfile, platform, scope)?.text ?? '';
  const expected = (asked === '' ? undefined : readPlatform(asked)) ?? platforms.target;
  if (actual === undefined) return;
  if (actual.os === expected.os && actual.architecture === expected.architecture) return;
  const image = tryExpand(dockerfile, baseName, scope)?.text ?? baseName;
  report('InvalidBaseImagePlatform', [image, formatPlatform(expected), formatPlatform(actual)], from);
}
