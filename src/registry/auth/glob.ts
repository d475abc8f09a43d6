/** One step of a compiled glob: the text itself, or a wildcard. */
type Step = Readonly<{ text: string }> | 'one' | 'within' | 'across' | 'folders';

// A pattern over repository names. `?` stands for one character of a component, `*` for any run of them, also none;
// `**` crosses slashes. Where `**` is a whole component in front of others it also stands for no component at all:
// `**/app` includes `app`, `team/**/app` includes `team/app`, but `team/**` is only what lies below `team`.
export type Glob = Readonly<{
  pattern: string;
  /** Characters in front of the first wildcard. */
  prefix: string;
  /** Number of characters that are not wildcards. */
  literals: number;
  /** The widest wildcard within: 0 none, 1 `?`, 2 `*`, 3 `**`. */
  width: number;
  matches(name: string): boolean;
}>;

/** As long as the longest repository name: a longer one could match nothing. */
const MAX_PATTERN_LENGTH = 255;
const MAX_CLAIM_PATTERN_LENGTH = 1000;
const WIDTHS = { one: 1, within: 2, across: 3, folders: 3 } as const;

/** @throws {Error} a pattern that no repository name could match. */
export function parseGlob(pattern: string): Glob {
  const problem = problemOf(pattern);
  if (problem !== undefined) throw new Error(`${JSON.stringify(pattern)} matches no repository: ${problem}`);
  return globOf(pattern);
}

/** The same over tags. @throws {Error} a pattern that no tag could match. */
export function parseTagGlob(pattern: string): Glob {
  if (!/^[\w.*?-]{1,128}$/.test(pattern))
    throw new Error(
      `${JSON.stringify(pattern)} matches no tag: use letters, digits, . _ - and the wildcards * ?`,
    );
  return globOf(pattern);
}

/** The same over what somebody says of somebody. @throws {Error} */
export function parseClaimGlob(pattern: string): Glob {
  if (pattern === '' || pattern.length > MAX_CLAIM_PATTERN_LENGTH)
    throw new Error(`it must have 1 to ${MAX_CLAIM_PATTERN_LENGTH} characters`);
  return globOf(pattern);
}

function globOf(pattern: string): Glob {
  const steps = compile(pattern);
  const texts = steps.map((step) => (typeof step === 'string' ? '' : step.text));
  const prefix = texts[0] ?? '';
  return {
    pattern,
    prefix,
    literals: texts.join('').length,
    width: Math.max(0, ...steps.map((step) => (typeof step === 'string' ? WIDTHS[step] : 0))),
    matches: (name) => name.startsWith(prefix) && run(steps, name),
  };
}

/** @throws {Error} naming the place where it was written, too. */
export function globAt(pattern: string, where: string, parse = parseGlob): Glob {
  try {
    return parse(pattern);
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function problemOf(pattern: string): string | undefined {
  if (pattern === '') return 'it is empty';
  if (pattern.length > MAX_PATTERN_LENGTH) return `it is longer than ${MAX_PATTERN_LENGTH} characters`;
  if (/[A-Z]/.test(pattern)) return 'names are in lower case';
  if (/[^a-z0-9._/*?-]/.test(pattern))
    return 'use lower-case letters, digits, . _ - / and the wildcards * ** ?';
  if (/^\/|\/$|\/\//.test(pattern)) return 'it has a slash too many; names look like team/app';
  return undefined;
}

function compile(pattern: string): Step[] {
  const steps: Step[] = [];
  // `**/` is only special where a component starts; stars beyond two add nothing.
  for (const [token] of pattern.matchAll(/(?<=^|\/)\*{2,}\/|\*{2,}|\*|\?|[^*?]+/g)) {
    if (token === '?') steps.push('one');
    else if (token === '*') steps.push('within');
    else if (token.endsWith('*')) steps.push('across');
    else if (token.startsWith('**')) steps.push('folders');
    else steps.push({ text: token });
  }
  return steps;
}

/** Tries each pair of step and position at most once, so that no pattern and no name can make it slow. */
function run(steps: readonly Step[], name: string): boolean {
  const failed = new Set<number>();
  function from(s: number, at: number): boolean {
    const step = steps[s];
    if (step === undefined) return at === name.length;
    if (typeof step !== 'string') return name.startsWith(step.text, at) && from(s + 1, at + step.text.length);
    const place = s * (name.length + 1) + at;
    if (failed.has(place)) return false;
    const found = wildcard(step, s, at);
    if (!found) failed.add(place);
    return found;
  }
  function wildcard(step: Step & string, s: number, at: number): boolean {
    const more = at < name.length;
    if (step === 'one') return more && name[at] !== '/' && from(s + 1, at + 1);
    if (from(s + 1, at)) return true;
    if (step === 'within') return more && name[at] !== '/' && from(s, at + 1);
    if (step === 'across') return more && from(s, at + 1);
    const slash = name.indexOf('/', at);
    return slash >= 0 && from(s, slash + 1);
  }
  return from(0, 0);
}
