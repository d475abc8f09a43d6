import { randomUUID } from 'node:crypto';
import manifest from '../../package.json' with { type: 'json' };
import {
  attach,
  type Invocation,
  PROVENANCE_TYPE,
  provenanceOf,
  SBOM_TYPE,
  type Statement,
  sbomOf,
  statementAbout,
} from '../builder/attestations/index.js';
import type { BuildOptions, BuiltImage, StoredImage, StoredResult } from '../builder/index.js';
import { formatPlatform, parseReference, shortReference } from '../oci/index.js';
import type { WantedAttestations } from './build-attestations.js';
import type { BuildInput, ContextOpener } from './build-context.js';
import { type BuildFlags, parseSpec, splitPair } from './build-flags.js';
import type { BuildProgress } from './build-progress.js';
import type { BuildSession } from './build-session.js';

/** What is said of one image, and what the file is called where results are files. */
export type Attestation = Readonly<{
  kind: 'sbom' | 'provenance';
  statement: Statement;
  fileName: string | undefined;
}>;

type Called = Readonly<{
  input: BuildInput;
  contexts: ContextOpener;
  options: BuildOptions;
  flags: BuildFlags;
  started: Date;
}>;

/** How the build was called, once it is done. */
export async function invocationOf({
  input,
  contexts,
  options,
  flags,
  started,
}: Called): Promise<Invocation> {
  const { dockerfile, material, directory } = input;
  const revision = directory === undefined ? undefined : await revisionOf(directory);
  const { target, buildArgs, labels, buildPlatform } = options;
  return {
    dockerfile,
    ...(material && { context: material }),
    materials: contexts.materials,
    locals: contexts.locals,
    ...(revision && { revision }),
    ...(target !== undefined && { target }),
    buildArgs,
    labels,
    secrets: flags.secret.map(idIn),
    agents: flags.ssh.map(idIn),
    buildPlatform,
    started,
    finished: new Date(),
    id: randomUUID(),
  };
}

async function revisionOf(directory: string) {
  const { findRevision } = await import('../builder/sources/index.js');
  return findRevision(directory);
}

/** Of `id=name,src=…`, and of `name=socket`. */
function idIn(text: string): string {
  return parseSpec(text).get('id') ?? splitPair(text)[0];
}

type Built = Readonly<{ result: StoredResult; images: readonly BuiltImage[]; names: readonly string[] }>;

type Parts = Readonly<{
  wanted: WantedAttestations;
  invocation: Invocation;
  session: BuildSession;
  progress: BuildProgress;
  /** Whether statements become manifests in the store. */
  isStored: boolean;
}>;

/** Says what was asked for of each image. @returns in the order of the images. */
export async function attestImages(
  { result, images, names }: Built,
  parts: Parts,
): Promise<readonly (readonly Attestation[])[]> {
  const attested: Attestation[][] = [];
  for (const [i, stored] of result.images.entries()) {
    const image = images[i];
    if (image === undefined) throw new RangeError('an image that was stored and not built');
    const attestations = await attestationsOf(image, stored, names, parts);
    const statements = attestations.map(({ statement }) => statement);
    if (parts.isStored) await attach(parts.session.store, stored.manifest, statements);
    attested.push(attestations);
  }
  return attested;
}

async function attestationsOf(
  image: BuiltImage,
  stored: StoredImage,
  names: readonly string[],
  { wanted, invocation, session, progress }: Parts,
): Promise<Attestation[]> {
  const attestations: Attestation[] = [];
  const { layers, store, signal } = session;
  const { platform, config } = image;
  if (wanted.sbom !== undefined) {
    const step = progress.begin(`generating sbom for ${formatPlatform(platform)}`);
    const name = names[0] === undefined ? 'image' : shortReference(parseReference(names[0]));
    const about = {
      name,
      digest: stored.manifest.digest,
      platform,
      config,
      tool: `berth-${manifest.version}`,
    };
    const warn = (message: string) => progress.warn(message);
    const temporaryDirectory = store.temporaryDirectory();
    try {
      const predicate = await sbomOf(image.layers, about, { layers, temporaryDirectory, warn, signal });
      const statement = statementAbout(stored, names, { predicateType: SBOM_TYPE, predicate });
      attestations.push({ kind: 'sbom', statement, fileName: wanted.sbom.fileName });
      step.done();
    } catch (error) {
      step.failed(error);
      throw error;
    }
  }
  if (wanted.provenance !== undefined) {
    const predicate = provenanceOf(invocation, image.materials, wanted.provenance);
    const statement = statementAbout(stored, names, { predicateType: PROVENANCE_TYPE, predicate });
    attestations.push({ kind: 'provenance', statement, fileName: wanted.provenance.fileName });
  }
  return attestations;
}
