import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whom to trust when files are fetched. */
export type FetchTrust = Readonly<{
  /** In PEM, complete. */
  authorities: readonly string[];
  /** The same in a file, for git; without one git knows itself where the system has them. */
  file?: string;
}>;

type Options = Readonly<{
  /** Of `--ca`. */
  ca: string | undefined;
  env: NodeJS.ProcessEnv;
  temporaryDirectory: () => string;
}>;

/** As for registries: the authorities of the system, not those that Node brings, and that of `--ca`. @throws {TrustError} */
export async function openFetchTrust({ ca, env, temporaryDirectory }: Options): Promise<FetchTrust> {
  const { TrustFolders } = await import('../client/index.js');
  const trust = new TrustFolders({
    folders: [],
    authorityFiles: [
      ...(ca === undefined ? [] : [ca]),
      ...(env.GIT_SSL_CAINFO && existsSync(env.GIT_SSL_CAINFO) ? [env.GIT_SSL_CAINFO] : []),
    ],
    ...(env.SSL_CERT_FILE ? { systemFile: env.SSL_CERT_FILE } : {}),
  });
  const authorities = [...(await trust.systemAuthorities()), ...(await trust.of('')).authorities];
  if (ca === undefined && !env.SSL_CERT_FILE) return { authorities };
  const file = join(temporaryDirectory(), 'authorities.pem');
  writeFileSync(file, authorities.join('\n'));
  return { authorities, file };
}
