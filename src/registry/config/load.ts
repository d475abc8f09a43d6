import { EMBEDDED } from './defaults.js';
import { applyEnvironment } from './environment.js';
import { explain } from './explain.js';
import { Fitter } from './fit.js';
import { ConfigError, DEFAULT, type Notice, type Problem, type SoundConfig } from './notices.js';
import { originsOf } from './origins.js';
import { remainderOf, tellsOf } from './remainder.js';
import { checkRules } from './rules.js';
import { configSchema } from './schema/config.js';
import { modernise } from './spellings.js';
import { type MapTree, type Parsed, parseTree, type Tree } from './tree.js';
import { checkSupport } from './unsupported.js';

export type LoadedConfig = SoundConfig & Readonly<{ notices: readonly Notice[] }>;

/** `text` is the content of the file at `path`; without it the embedded default is used. */
export type ConfigSource = Readonly<{ text?: string; path?: string; env: NodeJS.ProcessEnv }>;

/**
 * The configuration from a file's text and `REGISTRY_*` variables, which win. Does no input or output.
 * @throws {ConfigError} listing everything that is wrong.
 */
export function loadConfig({ text, path = 'config', env }: ConfigSource): LoadedConfig {
  const { root, problems, notices } = text === undefined ? parseEmbedded() : parseFile(text, path);
  if (problems.length > 0) throw new ConfigError(problems, notices);
  const tree = asMap(root);
  const overridden = applyEnvironment(tree, env);
  const moved = modernise(tree);
  const fitter = new Fitter();
  // Code made for one parse would take longer than the parse.
  const values = fitter.fit(tree, configSchema);
  const parsed = configSchema.safeParse(values, { jitless: true });
  const rest = parsed.success ? { config: parsed.data, missing: [] } : remainderOf(values, parsed.error);
  const support = checkSupport(tree);
  const rules = checkRules(tree, rest?.config);
  const isKnown = (finding: Notice | Problem) => !(rest?.missing ?? []).some((key) => tellsOf(finding, key));
  const worthKnowing = [
    notices,
    overridden.notices,
    moved,
    fitter.notices,
    support.notices,
    rules.notices.filter(isKnown),
  ].flat();
  const wrong = [
    overridden.problems,
    fitter.problems,
    explain(parsed.error, tree),
    support.problems,
    rules.problems.filter(isKnown),
  ].flat();
  const found = rest && { config: rest.config, origins: originsOf(rest.config, tree) };
  if (found === undefined || wrong.length > 0)
    throw new ConfigError(wrong.sort(byPlace), worthKnowing.sort(byPlace), found);
  return { ...found, notices: worthKnowing.sort(byPlace) };
}

/** The environment first, then the file from top to bottom. */
function byPlace({ origin: a }: Notice | Problem, { origin: b }: Notice | Problem): number {
  if (a.from === 'file' && b.from === 'file') return a.line - b.line || a.column - b.column;
  return Number(a.from === 'file') - Number(b.from === 'file');
}

function parseEmbedded(): Parsed {
  return parseTree(EMBEDDED, () => DEFAULT);
}

function parseFile(text: string, path: string): Parsed {
  return parseTree(text, (offset, lines) => {
    const { line, col } = lines.linePos(offset);
    return { from: 'file', path, line: Math.max(line, 1), column: Math.max(col, 1) };
  });
}

/** A configuration is a map; an empty file is an empty one. */
function asMap(root: Tree): MapTree {
  if (root.kind === 'map') return root;
  if (root.kind === 'scalar' && root.value === null)
    return { kind: 'map', origin: root.origin, entries: new Map() };
  throw new ConfigError([
    { key: '', message: 'must be a map of keys such as version: 0.1', origin: root.origin },
  ]);
}
