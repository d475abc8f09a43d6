import { createHash } from 'node:crypto';
import { findWrongMember } from './config-members.js';
import type { Digest } from './digest.js';
import { parseDigest } from './digest.js';
import { OciError } from './errors.js';

/** What a container is started with. image-spec config.md, and the members that docker adds. */
export type ContainerConfig = Readonly<{
  User?: string;
  ExposedPorts?: Readonly<Record<string, object>> | null;
  Env?: readonly string[] | null;
  Entrypoint?: readonly string[] | null;
  Cmd?: readonly string[] | null;
  Volumes?: Readonly<Record<string, object>> | null;
  WorkingDir?: string;
  Labels?: Readonly<Record<string, string>> | null;
  StopSignal?: string;
  ArgsEscaped?: boolean;
  Healthcheck?: Healthcheck | null;
  OnBuild?: readonly string[] | null;
  Shell?: readonly string[] | null;
}>;

/** Times in nanoseconds; absent or 0 is the default of whoever runs it. */
export type Healthcheck = Readonly<{
  Test?: readonly string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  StartInterval?: number;
  Retries?: number;
}>;

/** One step that made an image. Entries without `empty_layer` stand for the layers, in order. */
export type HistoryEntry = Readonly<{
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}>;

/** image-spec config.md. Members that are not named here are kept. */
export type ImageConfig = Readonly<{
  created?: string;
  author?: string;
  architecture: string;
  os: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: readonly string[];
  config?: ContainerConfig;
  rootfs: Readonly<{ type: 'layers'; diff_ids: readonly Digest[] }>;
  history?: readonly HistoryEntry[];
}>;

/**
 * Reads as much of an image configuration as it takes to use its layers; everything else passes as it is.
 * @throws {OciError} MANIFEST_INVALID: not a configuration of an image.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const config = parseJson(bytes) as Partial<ImageConfig> | null;
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw invalid('not a JSON object');
  const wrong = findWrongMember(config);
  if (wrong !== undefined) throw invalid(wrong);
  const diffIDs = config.rootfs?.diff_ids ?? [];
  if (!Array.isArray(diffIDs)) throw invalid('rootfs.diff_ids is not a list');
  return {
    ...config,
    architecture: config.architecture ?? '',
    os: config.os ?? 'linux',
    rootfs: { type: 'layers', diff_ids: diffIDs.map((digest) => parseDigest(String(digest))) },
  };
}

/**
 * Names every prefix of a layer stack, so that equal stacks share one snapshot.
 * @param diffIDs digests of the uncompressed layer tars, base layer first.
 * @returns same length and order; `[i]` stands for layers 0 to i. `[]` gives `[]`.
 * @see image-spec config.md, "Layer ChainID"
 */
export function chainIDs(diffIDs: readonly Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffID of diffIDs) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffID : (`sha256:${sha256(`${parent} ${diffID}`)}` as Digest));
  }
  return chain;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw invalid('not JSON in UTF-8', error);
  }
}

function invalid(why: string, cause?: unknown): OciError {
  return new OciError('MANIFEST_INVALID', `the image's configuration cannot be read: ${why}`, { cause });
}
