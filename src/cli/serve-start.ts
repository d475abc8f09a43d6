import { setFlagsFromString } from 'node:v8';
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

/**
 * What a request leaves outlives the nursery, and V8 would let it pile up to four times what is needed before it looks.
 * Once all is loaded: with another flag V8 would compile anew what Node brings compiled, which is a fifth of a start.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=50');
}
