import type { Server } from 'node:tls';
import { fileVersions } from './file-versions.js';
import { type LoadedTls, loadTls, type TlsFiles } from './material.js';

/** The little that is needed of a logger. */
export type TlsLog = Readonly<{
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}>;

export type TlsWatch = Readonly<{
  /** Looks for changes now; what the timer does. Never fails. */
  check(): Promise<void>;
  close(): void;
}>;

const CHECK_EVERY_MS = 5000;

/**
 * Hands new certificates to a running server; connections that are open stay open. Files that are missing, half
 * written or do not fit together leave the old ones in use, and are tried again once they change.
 * @param loaded what the server was started with.
 */
export function watchTls(
  server: Pick<Server, 'setSecureContext'>,
  config: TlsFiles,
  loaded: LoadedTls,
  options: { log: TlsLog; everyMs?: number },
): TlsWatch {
  const { log, everyMs = CHECK_EVERY_MS } = options;
  let seen = loaded.version;
  let checking: Promise<void> | undefined;

  async function check(): Promise<void> {
    const versions = await fileVersions(loaded.files);
    if (versions === seen) return;
    seen = versions; // before reading: what changes meanwhile is read again next time
    try {
      const { options, validTo } = await loadTls(config);
      server.setSecureContext(options);
      log.info({ certificate: config.certificate, validTo }, 'certificate reloaded');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ certificate: config.certificate, reason }, 'certificate not reloaded, the old one stays');
    }
  }

  function checkOnce(): Promise<void> {
    checking ??= check().finally(() => {
      checking = undefined;
    });
    return checking;
  }

  const timer = setInterval(() => void checkOnce(), everyMs);
  timer.unref();
  return { check: checkOnce, close: () => clearInterval(timer) };
}
