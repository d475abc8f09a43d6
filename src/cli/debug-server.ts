import manifest from '../../package.json' with { type: 'json' };
import type { Config } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import type { DebugServerOptions } from '../registry/monitoring/index.js';
import { listenAddress } from './settings.js';

type Parts = Readonly<{
  health: DebugServerOptions['health'];
  metrics: NonNullable<DebugServerOptions['metrics']>['source'] | undefined;
  log: Logger;
}>;

/** Where the configuration wants one. */
export async function openDebugServer(
  { http }: Config,
  { metrics, ...parts }: Parts,
): Promise<AsyncDisposable | undefined> {
  const { addr, prometheus } = http.debug;
  if (!addr) return undefined;
  const { startDebugServer } = await import('../registry/monitoring/index.js');
  const server = await startDebugServer({
    ...parts,
    listen: listenAddress({ net: 'tcp', addr }),
    metrics: metrics && { path: prometheus.path, source: metrics },
    version: manifest.version,
  });
  parts.log.info({ address: server.address }, 'debug server listening');
  return server;
}
