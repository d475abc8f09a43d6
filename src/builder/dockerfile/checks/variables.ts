import { findNearest } from '../../../spelling/index.js';
import type { Dockerfile } from '../dockerfile.js';
import { ExpansionError, expand, expandWords } from '../expand.js';
import { expandableWords } from '../expandable.js';
import { expandHeredoc } from '../heredoc.js';
import type { ExposeInstruction, Heredoc, Instruction } from '../instruction.js';
import { parseTrigger } from '../parse.js';
import { PortError, parsePort } from '../ports.js';
import { argValue, globalScope } from '../scope.js';
import { type ExpandedStage, expandStages } from '../stages.js';
import type { CheckContext, Report } from './check.js';

/** What is known of the variables at some point of a stage. */
type State = {
  readonly values: Map<string, string>;
  /** ARGs without a value: not set, and not unknown either. */
  readonly declared: Set<string>;
  /** All variables of the base are known. */
  readonly complete: boolean;
  hasWorkdir: boolean;
  /** What stages from this one begin with. */
  readonly triggers: Instruction[];
};

type Walk = Readonly<{
  dockerfile: Dockerfile;
  context: CheckContext;
  globals: ReadonlyMap<string, string>;
  report: Report;
}>;

/** Follows variables through all stages, the way the build does. */
export function checkVariables(dockerfile: Dockerfile, context: CheckContext, report: Report): void {
  const buildArgs = context.buildArgs ?? new Map();
  const globals = globalScope(dockerfile, { buildArgs, platforms: context.platforms });
  const walk = { dockerfile, context: { ...context, buildArgs }, globals, report };
  const states: State[] = [];
  for (const expanded of expandStages(dockerfile, globals)) {
    const state = beginning(walk, expanded, states);
    states.push(state);
    for (const instruction of expanded.stage.instructions) visit(walk, state, instruction);
  }
}

function beginning(walk: Walk, { base, stage }: ExpandedStage, states: readonly State[]): State {
  const { context } = walk;
  const parent = base.kind === 'stage' ? states[base.index] : undefined;
  if (parent !== undefined) {
    const { values, declared, triggers } = parent;
    const state = { ...parent, values: new Map(values), declared: new Set(declared), triggers: [] };
    for (const instruction of triggers) follow(walk, state, instruction);
    return state;
  }
  const image = context.bases?.get(stage.index);
  const state: State = {
    values: new Map([['PATH', ''], ...(image?.environment ?? [])]),
    declared: new Set(),
    complete: base.kind === 'scratch' || image !== undefined,
    hasWorkdir: false,
    triggers: [],
  };
  for (const text of image?.triggers ?? []) follow(walk, state, parseTrigger(text));
  return state;
}

function visit(walk: Walk, state: State, instruction: Instruction): void {
  reportUndefined(walk, state, instruction);
  if (instruction.kind === 'workdir') checkWorkdir(walk, state, instruction);
  if (instruction.kind === 'expose') checkPorts(walk, state, instruction);
  follow(walk, state, instruction);
}

/** What comes later sees what this has done. */
function follow(walk: Walk, state: State, instruction: Instruction): void {
  if (instruction.kind === 'arg') declare(walk, state, instruction.args);
  if (instruction.kind === 'env') assign(walk, state, instruction.pairs);
  if (instruction.kind === 'onbuild') state.triggers.push(instruction.inner);
  // Of several relative ones the first is what has to be mended.
  if (instruction.kind === 'workdir') state.hasWorkdir = true;
}

function reportUndefined({ dockerfile, report }: Walk, state: State, instruction: Instruction): void {
  if (!state.complete) return;
  const missing = new Set<string>();
  const onName = (name: string, found: boolean) => found || state.declared.has(name) || missing.add(name);
  for (const word of expandableWords(instruction)) tryExpand(dockerfile, state, word, onName);
  for (const heredoc of heredocsOf(instruction)) {
    unlessBroken(() => expandHeredoc(heredoc, (name) => state.values.get(name), { onName }));
  }
  for (const name of missing) {
    report('UndefinedVar', [name, findNearest(name, state.values.keys()) ?? ''], instruction);
  }
}

function heredocsOf(instruction: Instruction): Heredoc[] {
  if (instruction.kind !== 'copy' && instruction.kind !== 'add') return [];
  return instruction.sources.flatMap((source) => (source.type === 'heredoc' ? [source.heredoc] : []));
}

/** @returns undefined when the build will say why not. */
function tryExpand(
  dockerfile: Dockerfile,
  { values }: State,
  word: string,
  onName: (name: string, found: boolean) => void = () => {},
): string | undefined {
  return unlessBroken(() => expand(word, (name) => values.get(name), { escape: dockerfile.escape, onName }));
}

function unlessBroken<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof ExpansionError || error instanceof PortError) return undefined;
    throw error;
  }
}

type Args = Extract<Instruction, { kind: 'arg' }>['args'];

/** All words are read before any of them counts, in an ARG and in an ENV. */
function declare({ dockerfile, context, globals }: Walk, state: State, args: Args): void {
  const sources = { buildArgs: context.buildArgs ?? new Map<string, string>(), globals };
  const lookup = (name: string) => state.values.get(name);
  const read = args.map(
    (arg) => [arg.name, unlessBroken(() => argValue(arg, sources, lookup, dockerfile))] as const,
  );
  for (const [name, value] of read) {
    state.declared.add(name);
    if (value !== undefined) state.values.set(name, value);
  }
}

function assign(
  { dockerfile }: Walk,
  state: State,
  pairs: Extract<Instruction, { kind: 'env' }>['pairs'],
): void {
  const word = (text: string) => tryExpand(dockerfile, state, text);
  const read = pairs.map(({ key, value }) => [word(key) ?? key, word(value) ?? ''] as const);
  for (const [key, value] of read) state.values.set(key, value);
}

function checkWorkdir(
  { dockerfile, report }: Walk,
  state: State,
  instruction: Extract<Instruction, { kind: 'workdir' }>,
): void {
  const path = tryExpand(dockerfile, state, instruction.path) ?? instruction.path;
  // What begins with a variable that nobody knows here may well be absolute.
  const absolute = path.startsWith('/') || (!state.complete && instruction.path.startsWith('$'));
  if (!absolute && !state.hasWorkdir) report('WorkdirRelativePath', [path], instruction);
}

function checkPorts({ dockerfile, report }: Walk, { values }: State, instruction: ExposeInstruction): void {
  const words = instruction.ports.flatMap(
    (word) => unlessBroken(() => expandWords(word, (name) => values.get(name), dockerfile)) ?? [],
  );
  for (const word of words) {
    const port = unlessBroken(() => parsePort(word));
    if (port === undefined) continue;
    if (port.protocol !== port.protocol.toLowerCase()) report('ExposeProtoCasing', [word], instruction);
    if (port.mapped) report('ExposeInvalidFormat', [word], instruction);
  }
}
