import { isFetchedContext } from '../../builder/index.js';
import { formatReference } from '../../oci/index.js';
import type { BuildRequest } from '../engine.js';
import { EngineError } from '../errors.js';
import { namedBy } from '../images/names.js';
import { isSet, jsonOf, numberOf, pairsOf, textOf } from '../query.js';

/** What the URL of `POST /build` says; the rest comes with the body and the headers. */
export type AskedBuild = Omit<BuildRequest, 'body' | 'credentials' | 'progress' | 'signal'>;

/** Version 2 is BuildKit, which is asked for in another way. */
const CLASSIC = '1';

/** @throws {EngineError} 400 @throws {OciError} */
export function parseBuildQuery(query: URLSearchParams): AskedBuild {
  if ((textOf(query, 'version') ?? CLASSIC) !== CLASSIC)
    throw new EngineError(400, 'this engine builds by itself, not with BuildKit: set DOCKER_BUILDKIT=0');
  if (query.has('isolation', 'hyperv')) throw new EngineError(400, 'isolation is of Windows');
  return {
    remote: remoteOf(textOf(query, 'remote')),
    dockerfile: textOf(query, 'dockerfile'),
    names: query.getAll('t').map((name) => formatReference(namedBy(name, undefined))),
    buildArgs: given(pairsOf(query, 'buildargs')),
    labels: given(pairsOf(query, 'labels')),
    target: textOf(query, 'target'),
    platform: textOf(query, 'platform'),
    noCache: isSet(query, 'nocache'),
    pull: isSet(query, 'pull'),
    squash: isSet(query, 'squash'),
    network: networkOf(textOf(query, 'networkmode')),
    addHosts: query
      .getAll('extrahosts')
      .flatMap((hosts) => hosts.split(','))
      .filter((host) => host !== ''),
    shmBytes: numberOf(query, 'shmsize') || undefined,
    ulimits: ulimitsOf(query),
    cgroupParent: textOf(query, 'cgroupparent'),
    cacheFrom: textsOf(query, 'cachefrom'),
  };
}

/** Never a directory of this machine: what is built is the client's. */
function remoteOf(source: string | undefined): string | undefined {
  if (source === undefined || isFetchedContext(source)) return source;
  throw new EngineError(400, `remote is an address of git or http, which ${JSON.stringify(source)} is not`);
}

/** A name without a value is that of a variable that the client does not have. */
function given(pairs: ReadonlyMap<string, string | undefined>): Map<string, string> {
  return new Map(
    [...pairs].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

function networkOf(mode: string | undefined): AskedBuild['network'] {
  if (mode === undefined || mode === 'default' || mode === 'bridge') return 'default';
  if (mode === 'none' || mode === 'host') return mode;
  throw new EngineError(400, `a build can have the network default, host or none, not ${mode}`);
}

function textsOf(query: URLSearchParams, key: string): string[] {
  const value = jsonOf(query, key) ?? [];
  if (!Array.isArray(value)) throw new EngineError(400, `${key} must be a list in JSON`);
  return value.map(String);
}

/** `[{"Name":"nofile","Soft":1,"Hard":2}]` */
function ulimitsOf(query: URLSearchParams): AskedBuild['ulimits'] {
  const value = jsonOf(query, 'ulimits') ?? [];
  if (!Array.isArray(value)) throw new EngineError(400, 'ulimits must be a list in JSON');
  return value.map((each: Readonly<{ Name?: unknown; Soft?: unknown; Hard?: unknown }> | null) => {
    const { Name, Soft, Hard = Soft } = each ?? {};
    if (typeof Name === 'string' && typeof Soft === 'number' && typeof Hard === 'number')
      return { name: Name, soft: Soft, hard: Hard };
    throw new EngineError(400, 'ulimits: each has a Name, a Soft and a Hard');
  });
}
