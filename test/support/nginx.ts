import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { answers } from './http.js';
import { createAuthority } from './private-authority.js';
import { cleanEnvironment } from './run.js';
import { ServerProcess } from './server-process.js';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.js';

const DOCUMENTED = new URL('../../docs/replicas.md', import.meta.url);
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** nginx, as somebody sets it up before a registry. */
export type Nginx = AsyncDisposable & Readonly<{ urls: readonly string[] }>;

/**
 * @param given each listens on a port of its own, and passes everything on to `upstream`, `http://host:port`, with more
 *   `directives`.
 */
export async function startNginx(
  given: readonly Readonly<{ upstream: string; directives: string }>[],
): Promise<Nginx> {
  const ports = await Promise.all(given.map(() => freePort()));
  const servers = given.map(
    ({ upstream, directives }, i) =>
      `server { listen 127.0.0.1:${ports[i]}; location / { proxy_pass ${upstream}; proxy_http_version 1.1; ${directives} } }`,
  );
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  return runNginx(await temporaryFolder(), servers.join('\n  '), urls);
}

/**
 * As docs/replicas.md sets it up, word by word, but for addresses and files.
 * @param servers `host:port` of each that it stands before. @returns also what vouches for its certificate, as PEM.
 */
export async function startDocumentedNginx(
  servers: readonly string[],
): Promise<Nginx & Readonly<{ ca: string }>> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const { tls, ca } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
  const [, documented = ''] = /^```nginx\n(.*?)^```/ms.exec(await readFile(DOCUMENTED, 'utf8')) ?? [];
  let next = 0;
  const http = documented
    .replace(/\bserver 10\.[\d.]+:5000;/g, () => `server ${servers[next++]};`)
    .replace('listen 443 ', `listen 127.0.0.1:${port} `)
    .replace(/(ssl_certificate) [^;]*;/, `$1 ${tls.certificate};`)
    .replace(/(ssl_certificate_key) [^;]*;/, `$1 ${tls.key};`);
  return { ...(await runNginx(folder, http, [`https://127.0.0.1:${port}`])), ca };
}

/** @param http what is in that section. */
async function runNginx(folder: TemporaryFolder, http: string, urls: readonly string[]): Promise<Nginx> {
  await mkdir(join(folder.path, 'tmp'));
  const file = join(folder.path, 'nginx.conf');
  await writeFile(
    file,
    `daemon off;
pid ${folder.path}/pid;
error_log stderr;
events {}
http {
  access_log off;
  ${TEMPORARY.map((name) => `${name}_temp_path ${folder.path}/tmp/${name};`).join('\n  ')}
  ${http}
}
`,
  );
  const server = await ServerProcess.start({
    command: ['nginx', '-e', 'stderr', '-c', file],
    cwd: folder.path,
    env: cleanEnvironment({ PATH: `${process.env.PATH}:/usr/sbin` }), // where not everybody looks
    isReady: () => answers(`${urls[0]}/v2/`),
  }).catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  return {
    urls,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
