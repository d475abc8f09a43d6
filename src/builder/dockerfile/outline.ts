import type { Dockerfile } from './dockerfile.js';
import type { ArgDeclaration, Instruction } from './instruction.js';
import { MountError } from './mount-values.js';
import { parseMount } from './mounts.js';
import { type ExpandedStage, neededStages } from './stages.js';

/** A stage that can be asked for. */
export type Target = Readonly<{
  name?: string;
  description?: string;
  /** As it is written. */
  base: string;
  platform?: string;
  /** Built when nobody asks for another. */
  default: boolean;
  line: number;
}>;

type Required = Readonly<{ name: string; required: boolean; line: number }>;

/** What a target takes from whoever builds it. */
export type Outline = Readonly<{
  name?: string;
  description?: string;
  args: readonly Readonly<{ name: string; description?: string; value?: string; line: number }>[];
  secrets: readonly Required[];
  ssh: readonly Required[];
  caches: readonly Readonly<{ id: string; line: number }>[];
}>;

/** All stages, for `--call=targets`. */
export function targets({ stages }: Dockerfile): Target[] {
  return stages.map(({ index, name, comment, baseName, platform, location }) => ({
    ...(name === undefined ? {} : { name }),
    ...(comment === undefined ? {} : { description: comment }),
    base: baseName,
    ...(platform === undefined ? {} : { platform }),
    default: index === stages.length - 1,
    line: location.line,
  }));
}

/**
 * What stands in the stages that `target` needs, for `--call=outline`. Values are defaults as they are written.
 * @throws {DockerfileError} a `--from` that points nowhere.
 */
export function outline(dockerfile: Dockerfile, expanded: readonly ExpandedStage[], target: number): Outline {
  const stages = neededStages(dockerfile, expanded, target).flatMap(
    (index) => dockerfile.stages[index] ?? [],
  );
  const instructions = stages.flatMap((stage) => stage.instructions);
  const { name, comment } = dockerfile.stages[target] ?? {};
  const mounts = instructions.flatMap(mountsOf);
  return {
    ...(name === undefined ? {} : { name }),
    ...(comment === undefined ? {} : { description: comment }),
    args: firstOfEach([...dockerfile.globalArgs, ...instructions].flatMap(argsOf), ({ name: arg }) => arg),
    secrets: requiredOf(mounts, 'secret'),
    ssh: requiredOf(mounts, 'ssh'),
    caches: firstOfEach(
      mounts.flatMap(({ mount, line }) => (mount.type === 'cache' ? [{ id: mount.id, line }] : [])),
      ({ id }) => id,
    ),
  };
}

function argsOf(instruction: Instruction): Outline['args'] {
  if (instruction.kind !== 'arg') return [];
  return instruction.args.map((declaration) => ({
    ...described(declaration),
    line: instruction.location.line,
  }));
}

function described({ name, value, comment }: ArgDeclaration) {
  return {
    name,
    ...(comment === undefined ? {} : { description: comment }),
    ...(value === undefined ? {} : { value }),
  };
}

type Placed = Readonly<{ mount: ReturnType<typeof parseMount>; line: number }>;

/** A mount that cannot be read before its variables are known is left out. */
function mountsOf(instruction: Instruction): Placed[] {
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap((text) => {
    try {
      return [{ mount: parseMount(text, { workdir: '/somewhere' }), line: instruction.location.line }];
    } catch (error) {
      if (error instanceof MountError) return [];
      throw error;
    }
  });
}

/** A secret that one step requires is required. */
function requiredOf(mounts: readonly Placed[], type: 'secret' | 'ssh'): Required[] {
  const found = mounts.flatMap(({ mount, line }) =>
    mount.type === type ? [{ name: mount.id, required: mount.required, line }] : [],
  );
  return firstOfEach(found, ({ name }) => name).map((first) => ({
    ...first,
    required: found.some(({ name, required }) => name === first.name && required),
  }));
}

function firstOfEach<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return [...new Map([...items].reverse().map((item) => [nameOf(item), item])).values()].reverse();
}
