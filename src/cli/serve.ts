import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../../package.json' with { type: 'json' };
import { keepHeapSmall } from '../memory/index.js';
import type { Config, LoadedConfig } from '../registry/config/index.js';
import { createApp, publicUrl, type Registry, RegistryServer, SendBuffers } from '../registry/http/index.js';
import type { Logger } from '../registry/logger.js';
import type { Metrics, MetricsOptions } from '../registry/monitoring/index.js';
import { createLogger, Health, openOutput, trustedProxies } from '../registry/operations/index.js';
import { Catalog, PullTimes, RepositoryBlobs, RepositoryManifests } from '../registry/repositories/index.js';
import { loadTls, watchTls } from '../registry/tls/index.js';
import type { StorageDriver } from '../storage/index.js';
import { accessRules, openAuthenticator, openTokenIssuer } from './authentication.js';
import { checkIndexAgain } from './check-index.js';
import { readConfig } from './config.js';
import { openDebugServer } from './debug-server.js';
import type { Duty } from './lead.js';
import { maintenanceWitness, ownWitness } from './maintenance-witness.js';
import { hasReplicas } from './open-index.js';
import { openMirrors } from './open-mirrors.js';
import { type OpenStore, openStore } from './open-store.js';
import type { Duties, serveWithPeers } from './peers.js';
import { requestObserver } from './request-observer.js';
import { requestWitness } from './request-witness.js';
import { SERVER } from './root-lock.js';
import { repeat } from './schedule.js';
import type { scheduleDeliveries } from './schedule-deliveries.js';
import type { scheduleEviction } from './schedule-eviction.js';
import type { scheduleMaintenance } from './schedule-maintenance.js';
import type { scheduleMirrors } from './schedule-mirrors.js';
import { schedulePurges } from './schedule-purges.js';
import { greet, logNotices, stopSignal } from './serve-start.js';
import {
  listenAddress,
  manifestRules,
  quotaRules,
  registrySettings,
  retentionRules,
  tlsFilesOf,
} from './settings.js';
import { openWitnesses } from './witnesses.js';
import { findWorker, type Worker } from './worker.js';

/** For requests that come with the start. */
const START_MS = 100;
const RESUME = { first: 0, interval: 60_000 };

/**
 * Runs the registry until it is told to stop.
 * @param options `workers`: how many processes serve, in place of what the configuration says.
 */
export async function serve(
  file: string | undefined,
  { workers }: { workers?: number | undefined } = {},
): Promise<void> {
  const loaded = await readConfig(file, process.env);
  const count = workers ?? loaded.config.berth.workers;
  const worker = findWorker();
  if (worker) return serveHere(file, loaded, worker).finally(worker.leave);
  if (count === 1) return serveHere(file, loaded, undefined);
  const { serveWithWorkers } = await import('./serve-workers.js');
  await serveWithWorkers(file, loaded, count);
}

/** The one long list of what is made of what. @param worker when other processes serve the same. */
async function serveHere(
  file: string | undefined,
  loaded: LoadedConfig,
  worker: Worker | undefined,
): Promise<void> {
  const { config } = loaded;
  const isReadOnly = config.storage.maintenance.readonly.enabled;
  const log = createLogger(config.log);
  const retention = retentionRules(config);
  if (worker === undefined) logNotices(loaded, log);
  const background = new AbortController();
  // What may fail comes before what leaves files behind: an index, a new password.
  const tlsFiles = tlsFilesOf(config);
  const tls = tlsFiles && (await loadTls(tlsFiles));

  const metrics: Metrics | undefined = await openMetrics(config, {
    usage: () => opened.index.usage(),
    indexComplete: () => opened.store.sync.complete,
    uploadsInProgress: () => opened.uploads.underWay,
    driver: () => opened.driver,
  });
  await using accessOutput = openOutput(1, { buffered: true });
  await using opened: OpenStore = await openStore(config, log, {
    wrap: (driver) => metrics?.measured(driver) ?? driver,
    nice: 10, // whoever waits for an answer goes first, but removals hold locks and must come on too
    ...(worker
      ? { locks: worker.locks }
      : {
          aloneFor: SERVER,
          onlyReads: isReadOnly,
          indexInMemory: (error) =>
            log.warn({ error }, 'the index file cannot be used; the index is kept in memory'),
        }),
  });
  const trusted = trustedProxies(config.berth.trustedproxies);
  await using pulls = new PullTimes(opened.index, log, {
    now: opened.store.now,
    remember: config.berth.index.lastpull,
  });
  const users = await openAuthenticator(config, log);
  const access = accessRules(config, users);
  const issuer = await openTokenIssuer(config, users, access, log);
  const authenticator = issuer?.authenticator ?? users;
  const blobs = new RepositoryBlobs(opened.store, quotaRules(config));
  await using witnesses = await openWitnesses(config, {
    ...opened,
    log,
    observer: (queue) => metrics?.notifications(queue),
  });
  const url = publicUrl({ host: config.http.host, trusted });
  await using mirrors = await openMirrors(config, opened, { log, pushed: ownWitness(witnesses) });
  const copies = await openCopies(config, opened, { blobs, log, metrics });
  const registry: Registry = {
    blobs,
    manifests: new RepositoryManifests(opened.store, manifestRules(config)),
    uploads: opened.uploads,
    catalog: new Catalog(opened.store),
    pulls,
    access,
    buffers: new SendBuffers(),
    upstreams: copies?.upstreams,
    witness: requestWitness(witnesses, { url, prefix: registrySettings(config).prefix, trusted }),
    settings: { ...registrySettings(config), ...(copies && { namespaces: copies.upstreams.namespaces }) },
  };
  if (!hasReplicas(config) && !isReadOnly) await resumeDeletes(registry, log);
  const changed = maintenanceWitness(witnesses, registry.manifests);
  const health = new Health({
    checks: config.health,
    minFreeBytes: config.berth.minfreespace,
    readOnly: isReadOnly,
    driver: opened.driver,
    index: opened.store.sync,
    more: witnesses.checks,
    log,
  });

  const server = new RegistryServer({
    listen: listenAddress(config.http),
    maxHeaderBytes: config.berth.limits.headerbytes,
    http2: !config.http.http2.disabled,
    ...(tls ? { tls } : {}),
  });
  let leaving = false;
  const app = createApp(registry, {
    authenticator,
    issuer,
    url,
    log,
    headers: config.http.headers,
    down: () => health.down,
    leaving: () => leaving,
    ready: async () => {
      if (hasReplicas(config)) await opened.store.index.check();
    },
    draining: () => server.draining,
    observer: requestObserver(config, { metrics, trusted, output: accessOutput }),
  });
  await using _debug = worker ? undefined : await openDebugServer(config, { health, metrics, log });
  const address = await server.listen(app);
  keepHeapSmall();
  const watch = tlsFiles && tls && watchTls(server, tlsFiles, tls, { log });
  health.start(background.signal);
  if (witnesses.audit) process.on('SIGHUP', () => witnesses.audit?.reopen());
  const upkeep = { retention, mirrors, changed, requests: () => server.requests };
  const ofAny: Duty[] = [
    async (signal) => mirrors && mirrorByTheClock(mirrors, log, signal),
    async (signal) => copies && evict({ ...registry, ...copies, store: opened.store, log }, signal),
  ];
  // Commands do these themselves where nobody else does.
  const ofWriters: Duty[] | undefined = isReadOnly
    ? undefined
    : [
        (signal) => schedulePurges(config, { ...opened, log }, signal),
        (signal) => maintain(config, { ...registry, ...upkeep, store: opened.store, log }, signal),
      ];
  const work = afterStart(background.signal, (signal) =>
    Promise.all([
      opened.locks
        ? shareWork({ ...registry, ...opened, locks: opened.locks, log }, signal, { ofAny, ofWriters })
        : Promise.all([
            checkIndexAgain({ ...opened, log }, signal),
            ...[...ofAny, ...(ofWriters ?? [])].map((duty) => duty(signal)),
          ]),
      witnesses.notifications &&
        deliver(config, { ...witnesses.notifications, locks: opened.locks, log }, signal),
    ]),
  );
  if (worker) {
    worker.listening(address, { health, metrics: () => metrics?.counts() });
  } else {
    log.info({ address, tls: tls !== undefined, version: manifest.version }, 'listening');
    greet(file, address, { tls: tls !== undefined });
  }

  const signal = await stopSignal();
  leaving = true;
  await sleep(config.berth.stopdelay);
  log.info({ signal }, 'stopping: requests under way are finished first');
  background.abort();
  const cut = await server.close(config.http.draintimeout);
  if (cut > 0)
    log.warn({ connections: cut }, 'connections that were still busy after http.draintimeout were cut');
  await copies?.[Symbol.asyncDispose]();
  watch?.close();
  authenticator.close();
  await Promise.all([work, opened.store.sync.settle()]);
}

/** Those who waited for the start are answered before anything else begins. */
async function afterStart(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  await sleep(START_MS, undefined, { signal }).catch(() => {});
  if (!signal.aborted) await work(signal);
}

async function resumeDeletes({ manifests }: Pick<Registry, 'manifests'>, log: Logger): Promise<void> {
  for (const { pending, error } of await manifests.resumeDeletes())
    log.error({ ...pending, error }, 'an interrupted delete could not be finished and is given up');
}

/** With other processes that serve the registry: of those that died, somebody finishes the deletes. */
async function shareWork(
  { manifests, ...parts }: Parameters<typeof serveWithPeers>[0] & Pick<Registry, 'manifests'>,
  signal: AbortSignal,
  { ofAny, ofWriters }: Duties,
): Promise<void> {
  const { serveWithPeers } = await import('./peers.js');
  const resume: Duty = (signal) => repeat(RESUME, signal, () => resumeDeletes({ manifests }, parts.log));
  await serveWithPeers(parts, signal, { ofAny, ofWriters: ofWriters && [resume, ...ofWriters] });
}

/** Its code is loaded here, as no start need wait for it. */
async function maintain(...args: Parameters<typeof scheduleMaintenance>): Promise<void> {
  const { scheduleMaintenance } = await import('./schedule-maintenance.js');
  await scheduleMaintenance(...args);
}

/** What speaks to other registries is loaded only where that is done. */
async function openCopies(
  config: Config,
  opened: OpenStore,
  { metrics, ...parts }: { blobs: RepositoryBlobs; log: Logger; metrics: Metrics | undefined },
) {
  if (!config.proxy.remoteurl && config.berth.upstreams.length === 0) return undefined;
  const { openUpstreams } = await import('./upstreams.js');
  return openUpstreams(config, opened, { ...parts, observer: metrics?.copies() });
}

async function mirrorByTheClock(...args: Parameters<typeof scheduleMirrors>): Promise<void> {
  const { scheduleMirrors } = await import('./schedule-mirrors.js');
  await scheduleMirrors(...args);
}

async function deliver(...args: Parameters<typeof scheduleDeliveries>): Promise<void> {
  const { scheduleDeliveries } = await import('./schedule-deliveries.js');
  await scheduleDeliveries(...args);
}

async function evict(...args: Parameters<typeof scheduleEviction>): Promise<void> {
  const { scheduleEviction } = await import('./schedule-eviction.js');
  await scheduleEviction(...args);
}

/** Nothing is counted where nobody can read it: the libraries alone take as long to load as all the rest. */
async function openMetrics(
  { http }: Config,
  { driver, ...options }: Omit<MetricsOptions, 'version' | 'verification'> & { driver: () => StorageDriver },
): Promise<Metrics | undefined> {
  if (!http.debug.addr || !http.debug.prometheus.enabled) return undefined;
  const [{ Metrics }, { VerificationLog }] = await Promise.all([
    import('../registry/monitoring/index.js'),
    import('../registry/verify/index.js'),
  ]);
  const verification = () => new VerificationLog(driver()).last();
  return new Metrics({ ...options, verification, version: manifest.version });
}
