import { formatNotice } from '../registry/config/index.js';
import {
  createApp,
  parseListenAddress,
  type Registry,
  RegistryServer,
  SendBuffers,
} from '../registry/http/index.js';
import type { Logger } from '../registry/logger.js';
import { Catalog, PullTimes, RepositoryBlobs, RepositoryManifests } from '../registry/repositories/index.js';
import { loadTls, watchTls } from '../registry/tls/index.js';
import { readConfig } from './config.js';
import { consoleLogger } from './console-logger.js';
import { openStore } from './open-store.js';
import { schedulePurges } from './schedule-purges.js';
import { accessRules, manifestRules, openAuthenticator, registrySettings, tlsFilesOf } from './settings.js';

/** Runs the registry until it is told to stop. The one long list of what is made of what. */
export async function serve(file: string | undefined): Promise<void> {
  const { config, notices } = await readConfig(file, process.env);
  for (const notice of notices) process.stderr.write(`berth: ${formatNotice(notice)}\n`);
  const log: Logger = consoleLogger();

  await using opened = await openStore(config, log);
  await using pulls = new PullTimes(opened.index, log, opened.store.now);
  const authenticator = await openAuthenticator(config, log);
  const registry: Registry = {
    blobs: new RepositoryBlobs(opened.store),
    manifests: new RepositoryManifests(opened.store, manifestRules(config)),
    uploads: opened.uploads,
    catalog: new Catalog(opened.store),
    pulls,
    access: accessRules(config, authenticator),
    buffers: new SendBuffers(),
    settings: registrySettings(config),
  };
  await registry.manifests.resumeDeletes();
  const tlsFiles = tlsFilesOf(config);
  const tls = tlsFiles && (await loadTls(tlsFiles));
  const server = new RegistryServer({
    listen: parseListenAddress(config.http.net, config.http.addr),
    maxHeaderBytes: config.berth.limits.headerbytes,
    http2: !config.http.http2.disabled,
    ...(tls ? { tls } : {}),
  });
  const app = createApp(registry, {
    authenticator,
    log,
    headers: config.http.headers,
    down: () => undefined,
    draining: () => server.draining,
    observe: () => {},
  });
  const address = await server.listen(app);
  const watch = tlsFiles && tls && watchTls(server, tlsFiles, tls, { log });
  const background = new AbortController();
  const checking = opened.store.sync.run(background.signal);
  const purging = schedulePurges(config, { ...opened, log }, background.signal);
  greet(address, { tls: tls !== undefined });

  const signal = await stopSignal();
  log.info({ signal }, 'stopping');
  background.abort();
  await server.close(config.http.draintimeout);
  watch?.close();
  authenticator.close();
  await Promise.allSettled([checking, purging]);
}

/** Tells a person what to type next. Programs that start a registry read its log instead. */
function greet(address: string, { tls }: { tls: boolean }): void {
  const port = /:(\d+)$/.exec(address)?.[1];
  const host = port ? `localhost:${port}` : address;
  process.stderr.write(`Berth listens on ${tls ? 'https' : 'http'}://${address}. Next, for example:

  docker tag my-image ${host}/my-image:v1
  docker push ${host}/my-image:v1

Ctrl-C stops it.
`);
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
