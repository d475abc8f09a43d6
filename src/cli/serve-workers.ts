import manifest from '../../package.json' with { type: 'json' };
import type { Config, LoadedConfig } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';
import { createLogger } from '../registry/operations/index.js';
import { openDebugServer } from './debug-server.js';
import { SERVER } from './root-lock.js';
import { greet, logNotices, stopSignal } from './serve-start.js';
import { takeRoot } from './take-root.js';
import { WorkerStartError, Workers } from './workers.js';

/**
 * Has `count` processes serve the registry until this one is told to stop. It takes connections for them, grants their
 * locks, replaces those that end, and shows operators how all of them are.
 */
export async function serveWithWorkers(
  file: string | undefined,
  loaded: LoadedConfig,
  count: number,
): Promise<void> {
  const { config } = loaded;
  if (!config.storage.filesystem && !config.storage.s3)
    throw new Error('several workers need a storage that they can share: storage.filesystem or storage.s3');
  const log = createLogger(config.log);
  logNotices(loaded, log);
  const isReadOnly = config.storage.maintenance.readonly.enabled;
  using _root = isReadOnly ? undefined : await takeRoot(config, log, SERVER);
  const workers = new Workers(log);
  const stopped = stopSignal();
  // Each of them writes into the audit log.
  if (config.berth.audit.path) process.on('SIGHUP', () => workers.signal('SIGHUP'));
  try {
    await using _debug = await showWorkers(config, workers, log);
    const address = await workers.start(count);
    const tls = config.http.tls.certificate !== undefined;
    log.info({ address, tls, workers: count, version: manifest.version }, 'listening');
    greet(file, address, { tls });
    log.info({ signal: await stopped }, 'stopping: requests under way are finished first');
  } catch (error) {
    if (!(error instanceof WorkerStartError)) throw error;
    process.exitCode = error.code; // it has said why
  } finally {
    await workers.stop();
  }
}

async function showWorkers(
  config: Config,
  workers: Workers,
  log: Logger,
): Promise<AsyncDisposable | undefined> {
  if (!config.http.debug.addr) return undefined;
  const { mergeCounts, METRICS_CONTENT_TYPE } = await import('../registry/monitoring/index.js');
  const isCounted = config.http.debug.prometheus.enabled;
  const counts = async () => mergeCounts((await workers.ask('metrics')) as Parameters<typeof mergeCounts>[0]);
  return openDebugServer(config, {
    health: {
      status: async () => Object.assign({}, ...(await workers.ask('health'))) as Record<string, string>,
      setManual: async (down) => void (await workers.ask(down ? 'down' : 'up')),
    },
    metrics: isCounted ? { contentType: METRICS_CONTENT_TYPE, text: counts } : undefined,
    log,
  });
}
