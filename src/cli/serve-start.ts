import { configPath, formatNotice, type LoadedConfig } from '../registry/config/index.js';
import type { Logger } from '../registry/logger.js';

export function logNotices({ notices }: LoadedConfig, log: Logger): void {
  for (const notice of notices) log[notice.level]({ key: notice.key }, formatNotice(notice));
}

/** Tells a person what to type next. Programs that start a registry bring a configuration and read its log. */
export function greet(file: string | undefined, address: string, { tls }: { tls: boolean }): void {
  if (!process.stderr.isTTY && configPath(file, process.env) !== undefined) return;
  const port = /:(\d+)$/.exec(address)?.[1];
  const host = port ? `localhost:${port}` : address;
  process.stderr.write(`
Berth listens on ${tls ? 'https' : 'http'}://${address}. Next, for example:

  docker tag my-image ${host}/my-image:v1
  docker push ${host}/my-image:v1

or, without docker: berth build --push -t ${host}/my-image:v1 .

Ctrl-C stops it.

`);
}

export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
