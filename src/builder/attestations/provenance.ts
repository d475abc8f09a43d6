import { formatPlatform, type Platform } from '../../oci/index.js';
import { isSecretName } from '../dockerfile/index.js';
import { type Material, withoutSecrets } from '../material.js';

/** How a build was called. */
export type Invocation = Readonly<{
  /** The Dockerfile, below the context. */
  dockerfile: Readonly<{ path: string; text: string }>;
  /** A context that was fetched. */
  context?: Material;
  /** Named contexts that were fetched. */
  materials: readonly Material[];
  /** Contexts that are files of this machine. */
  locals: readonly string[];
  /** Of a local context that git keeps: a hint, since nobody has verified it. */
  revision?: Readonly<{ source?: string; revision: string }>;
  target?: string;
  buildArgs: ReadonlyMap<string, string>;
  labels: ReadonlyMap<string, string>;
  secrets: readonly string[];
  agents: readonly string[];
  buildPlatform: Platform;
  started: Date;
  finished: Date;
  /** Of all platforms of one build. */
  id: string;
}>;

/** `min` tells what went in, `max` also arguments, labels, names of secrets and the Dockerfile. */
export type ProvenanceOptions = Readonly<{
  mode: 'min' | 'max';
  builderId: string;
  isReproducible: boolean;
}>;

export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
/** Parameters are those of BuildKit, so that what reads its provenance reads this. */
const BUILD_TYPE = 'https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md';

/** How one image was made. slsa.dev/spec/v1.1/provenance; BuildKit's docs/attestations/slsa-definitions.md. */
export function provenanceOf(
  invocation: Invocation,
  materials: readonly Material[],
  { mode, builderId, isReproducible }: ProvenanceOptions,
): object {
  const { context, dockerfile, locals, revision, buildPlatform, started, finished, id } = invocation;
  const { request, isComplete } = requestOf(invocation, mode);
  const source = {
    infos: [{ filename: dockerfile.path, language: 'Dockerfile', data: base64(dockerfile.text) }],
  };
  const fetched = context === undefined ? [] : [context];
  return {
    buildDefinition: {
      buildType: BUILD_TYPE,
      externalParameters: { configSource: { ...context, path: dockerfile.path }, request },
      internalParameters: { builderPlatform: formatPlatform(buildPlatform) },
      resolvedDependencies: [...fetched, ...invocation.materials, ...materials],
    },
    runDetails: {
      builder: { id: builderId },
      metadata: {
        invocationId: id,
        startedOn: started.toISOString(),
        finishedOn: finished.toISOString(),
        buildkit_reproducible: isReproducible,
        buildkit_completeness: { request: isComplete, resolvedDependencies: locals.length === 0 },
        buildkit_metadata: {
          ...(revision && { vcs: revision }),
          ...(mode === 'max' && { source }),
        },
      },
    },
  };
}

/** Values of arguments whose names say that they are secret stay out of it, and of others the credentials in addresses. */
function requestOf(
  { target, buildArgs, labels, secrets, agents, locals }: Invocation,
  mode: 'min' | 'max',
): { request: object; isComplete: boolean } {
  const told = mode === 'max' ? [...buildArgs].filter(([name]) => !isSecretName(name)) : [];
  const shown = told.map(([name, value]) => [`build-arg:${name}`, withoutSecrets(value)] as const);
  const isWhole = told.length === buildArgs.size && told.every(([, value], i) => shown[i]?.[1] === value);
  const args = {
    ...(target !== undefined && { target }),
    ...Object.fromEntries(shown),
    ...(mode === 'max' && Object.fromEntries([...labels].map(([name, value]) => [`label:${name}`, value]))),
  };
  const credentials = {
    secrets: secrets.map((id) => ({ id, optional: true })),
    ssh: agents.map((id) => ({ id, optional: true })),
  };
  return {
    request: {
      frontend: 'dockerfile.v0',
      args,
      ...(mode === 'max' && credentials),
      locals: locals.map((name) => ({ name })),
    },
    isComplete: isWhole && (mode === 'max' || labels.size === 0),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
