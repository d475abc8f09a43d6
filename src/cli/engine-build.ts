import { join } from 'node:path';
import {
  build,
  type CacheRecord,
  type Dockerfile,
  type PruneOptions,
  parseDockerfile,
  storeResult,
} from '../builder/index.js';
import type { CredentialSource, RegistryClient } from '../client/index.js';
import type { BuildRequest, EngineBuilder } from '../engine/index.js';
import type { Digest } from '../oci/index.js';
import { warnOfArgs } from './build-args.js';
import { StoredBases } from './build-bases.js';
import { ContextOpener } from './build-context.js';
import { GivenCredentials } from './build-credentials.js';
import { Fetching } from './build-fetching.js';
import { type BuildFlags, parsePlatforms } from './build-flags.js';
import { optionsOf } from './build-options.js';
import { QUIET_BUILD_PROGRESS } from './build-progress.js';
import { LazyRemoteSources } from './build-remote.js';
import { BuildSession } from './build-session.js';
import { cacheRecords, pruneBuildCache } from './builder-usage.js';

type OpenClient = (credentials: CredentialSource, signal: AbortSignal) => Promise<RegistryClient>;

/** Builds for clients of the engine: as `berth build`, with what the request says instead of flags. */
export class LocalBuilder implements EngineBuilder {
  readonly #root: string;
  readonly #openClient: OpenClient;

  constructor(root: string, openClient: OpenClient) {
    this.#root = root;
    this.#openClient = openClient;
  }

  async build(request: BuildRequest): Promise<Digest> {
    const { signal, credentials, progress, names } = request;
    const flags = flagsOf(request, this.#root);
    await using session = new BuildSession(flags, {
      signal,
      openClient: () => this.#openClient(credentials, signal),
    });
    await using secrets = new GivenCredentials(flags, {});
    const fetching = new Fetching({
      temporaryDirectory: () => session.store.temporaryDirectory(),
      credentials: secrets,
      ca: undefined,
    });
    using contexts = new ContextOpener({
      cacheDirectory: join(session.cacheRoot, 'contexts'),
      fetching,
      keepGitDirectory: false,
      warn: (message) => progress.warn(message),
      stdin: request.body,
      signal,
    });
    const input = await contexts.open(request.remote ?? '-', request.dockerfile);
    const dockerfile: Dockerfile = parseDockerfile(input.dockerfile.text, { name: input.dockerfile.name });
    const options = await optionsOf(flags, {
      input,
      dockerfile,
      platforms: parsePlatforms(flags.platform),
      contexts,
      session,
      progress: { ...QUIET_BUILD_PROGRESS, warn: (message) => progress.warn(message) },
      rewritesTimes: false,
    });
    warnOfArgs(dockerfile, options.buildArgs, progress);
    const images = await build(options, {
      ...session,
      bases: new StoredBases(session.store, () => session.client()),
      remote: new LazyRemoteSources(fetching),
      credentials: secrets,
      progress,
    });
    const mediaTypes = flags.format;
    const { root } = await storeResult(session.store, images, {
      mediaTypes,
      annotations: [],
      alwaysIndex: false,
    });
    session.store.tagMany(root, names);
    return session.store.get(root.digest).id;
  }

  cache(): readonly CacheRecord[] {
    return cacheRecords(this.#root);
  }

  pruneCache(options: PruneOptions) {
    return pruneBuildCache(this.#root, options);
  }
}

/** What `berth build` would have been called with. */
function flagsOf(request: BuildRequest, root: string): BuildFlags {
  const { dockerfile, target, platform, shmBytes, cgroupParent } = request;
  const pairs = (values: ReadonlyMap<string, string>) =>
    [...values].map(([name, value]) => `${name}=${value}`);
  return {
    root,
    tag: request.names,
    buildArg: pairs(request.buildArgs),
    label: pairs(request.labels),
    annotation: [],
    platform: platform === undefined ? [] : [platform],
    buildContext: [],
    pull: request.pull,
    secret: [],
    ssh: [],
    network: request.network,
    addHost: request.addHosts,
    ulimit: request.ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`),
    allow: [],
    cdiSpecDir: [],
    output: [],
    format: 'docker',
    squash: request.squash,
    attest: [],
    cache: !request.noCache,
    cacheFilter: false,
    cacheFrom: request.cacheFrom,
    cacheTo: [],
    call: 'build',
    ...(dockerfile !== undefined && { file: dockerfile }),
    ...(target !== undefined && { target }),
    ...(shmBytes !== undefined && { shmSize: String(shmBytes) }),
    ...(cgroupParent !== undefined && { cgroupParent }),
  };
}
