import { OciError, parsePlatform, parseReference } from '../../oci/index.js';
import { findNearest } from '../../spelling/index.js';
import type { Dockerfile, Stage } from './dockerfile.js';
import { ExpansionError, expand } from './expand.js';
import type { FromInstruction, Instruction } from './instruction.js';
import type { Location } from './location.js';
import { mountSource } from './mounts.js';
import { errorAt } from './parse.js';

/** What a stage begins with. `reference` is as it is written: a named context or an image. */
export type Base =
  | Readonly<{ kind: 'scratch' }>
  | Readonly<{ kind: 'stage'; index: number }>
  | Readonly<{ kind: 'image'; reference: string }>;

/** A stage whose FROM has no variables any more. `platform` is as it is written, and not empty. */
export type ExpandedStage = Readonly<{ stage: Stage; base: Base; platform?: string }>;

/** Where `--from` and `from=` point. `name` is a named context or an image. */
export type SourceStage =
  | Readonly<{ kind: 'stage'; index: number }>
  | Readonly<{ kind: 'name'; name: string }>;

/**
 * Resolves all FROM lines.
 * @param globals see globalScope.
 * @throws {DockerfileError} a line that cannot be expanded, or becomes empty or no name of an image.
 */
export function expandStages(dockerfile: Dockerfile, globals: ReadonlyMap<string, string>): ExpandedStage[] {
  return dockerfile.stages.map((stage) => {
    const name = expandWord(dockerfile, stage.from, stage.baseName, globals);
    const platform = expandWord(dockerfile, stage.from, stage.platform ?? '', globals);
    if (name === '') {
      const message = `the base image is empty once ${stage.baseName} is expanded; give the ARG a default, or a value with --build-arg`;
      throw errorAt(dockerfile, stage.from.location, message, { word: stage.baseName });
    }
    const base = placed(dockerfile, stage.from, stage.baseName, () => baseOf(dockerfile, name, stage.index));
    if (platform === '') return { stage, base };
    placed(dockerfile, stage.from, stage.platform ?? '', () => parsePlatform(platform));
    return { stage, base, platform };
  });
}

function expandWord(
  dockerfile: Dockerfile,
  from: FromInstruction,
  word: string,
  globals: ReadonlyMap<string, string>,
): string {
  return placed(dockerfile, from, word, () => expand(word, (name) => globals.get(name), dockerfile));
}

/** @throws {DockerfileError} in place of what is wrong with the word. */
function placed<T>(dockerfile: Dockerfile, { location }: FromInstruction, word: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isKnown = [ExpansionError, OciError, RangeError].some((kind) => error instanceof kind);
    if (!(error instanceof Error && isKnown)) throw error;
    throw errorAt(dockerfile, location, error.message, { word, cause: error });
  }
}

/** What a name in FROM stands for: an earlier stage before all else. @throws {OciError} for nothing that could be. */
export function baseOf(dockerfile: Dockerfile, name: string, before: number): Base {
  const index = findEarlier(dockerfile, name, before);
  if (index !== undefined) return { kind: 'stage', index };
  if (name === 'scratch') return { kind: 'scratch' };
  parseReference(name);
  return { kind: 'image', reference: name };
}

/** Of several with one name the last counts. */
function findEarlier({ stages }: Dockerfile, name: string, before: number): number | undefined {
  return stages.slice(0, before).findLast((stage) => stage.name === name.toLowerCase())?.index;
}

/**
 * What `--from` of COPY, or `from=` of a mount, means in the stage `at`: an earlier stage by name or number, else a
 * named context or an image.
 * @param location for the error.
 * @throws {DockerfileError} this stage, a later one, or a number that no stage has.
 */
export function resolveSource(
  dockerfile: Dockerfile,
  from: string,
  { at, location }: Readonly<{ at: number; location: Location }>,
): SourceStage {
  if (/^\d{1,6}$/.test(from)) return byNumber(dockerfile, from, at, location);
  const index = findEarlier(dockerfile, from, at);
  if (index !== undefined) return { kind: 'stage', index };
  const later = dockerfile.stages.slice(at).find((stage) => stage.name === from.toLowerCase());
  if (later === undefined) return { kind: 'name', name: from };
  throw errorAt(dockerfile, location, notYet(JSON.stringify(from), later.index === at), { word: from });
}

function byNumber(dockerfile: Dockerfile, from: string, at: number, location: Location): SourceStage {
  const index = Number(from);
  if (index < at) return { kind: 'stage', index };
  const message =
    index < dockerfile.stages.length
      ? notYet(from, index === at)
      : `there is no stage ${from}: the file has ${dockerfile.stages.length}, counted from 0`;
  throw errorAt(dockerfile, location, message, { word: `=${from}` });
}

function notYet(stage: string, self: boolean): string {
  return self
    ? `stage ${stage} cannot take files from itself`
    : `stage ${stage} comes later in the file: only earlier ones can be taken from`;
}

/**
 * The stage to build: by name, or the last one.
 * @throws {RangeError} no stage has that name.
 */
export function findTarget({ stages, name: file }: Dockerfile, target?: string): Stage {
  const wanted = target?.toLowerCase();
  const found =
    wanted === undefined || wanted === '' ? stages.at(-1) : stages.findLast(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const names = stages.flatMap(({ name }) => name ?? []);
  const nearest = findNearest(wanted ?? '', names);
  const hint =
    nearest === undefined ? `it has ${names.join(', ') || 'none with a name'}` : `did you mean ${nearest}?`;
  throw new RangeError(`${file} has no stage ${JSON.stringify(target)}: ${hint}`);
}

/**
 * The stages that `target` takes to build, itself included, in the order of the file.
 * @throws {DockerfileError} see {@link resolveSource}.
 */
export function neededStages(
  dockerfile: Dockerfile,
  expanded: readonly ExpandedStage[],
  target: number,
): number[] {
  const needed = new Set<number>([target]);
  for (const index of needed)
    for (const other of directlyNeeded(dockerfile, expanded, index)) needed.add(other);
  return [...needed].sort((a, b) => a - b);
}

/** What ONBUILD in the base stage does happens in this one. */
function directlyNeeded(dockerfile: Dockerfile, expanded: readonly ExpandedStage[], at: number): number[] {
  const current = expanded[at];
  const base = current?.base.kind === 'stage' ? [current.base.index] : [];
  const triggered = base.flatMap((index) =>
    (expanded[index]?.stage.instructions ?? []).flatMap((instruction) =>
      instruction.kind === 'onbuild' ? [{ ...instruction.inner, location: instruction.location }] : [],
    ),
  );
  const instructions = [...triggered, ...(current?.stage.instructions ?? [])];
  const sources = instructions.flatMap((instruction) =>
    sourcesOf(instruction).map((from) =>
      resolveSource(dockerfile, from, { at, location: instruction.location }),
    ),
  );
  return [...base, ...sources.flatMap((source) => (source.kind === 'stage' ? [source.index] : []))];
}

/** Stages, contexts and images that an instruction reads from. */
export function sourcesOf(instruction: Instruction): string[] {
  if (instruction.kind === 'copy') return instruction.from === undefined ? [] : [instruction.from];
  return instruction.kind === 'run' ? instruction.mounts.flatMap((mount) => mountSource(mount) ?? []) : [];
}
