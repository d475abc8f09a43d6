import { release } from 'node:os';
import { hostPlatform } from '../../oci/index.js';
import { type Handler, sendJson } from '../call.js';
import type { EngineIdentity } from '../engine.js';
import { API_VERSION, MIN_API_VERSION } from '../request.js';

/** `docker version`. */
export const version: Handler = ({ identity }, { answer }) => sendJson(answer, versionJson(identity));

/** What the engine is: Engine API, GET /version. */
export function versionJson(identity: Pick<EngineIdentity, 'version'>) {
  const { os, architecture } = hostPlatform();
  const engine = {
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: '',
    GoVersion: `none (Node ${process.version})`,
    Os: os,
    Arch: architecture,
    KernelVersion: release(),
    Experimental: 'false',
    BuildTime: '',
  };
  return {
    Platform: { Name: 'Berth' },
    Components: [{ Name: 'Engine', Version: identity.version, Details: engine }],
    Version: identity.version,
    ...engine,
    Experimental: false,
  };
}
