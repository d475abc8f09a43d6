import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answers, freePort } from './http.js';
import { cleanEnvironment } from './run.js';
import { ServerProcess } from './server-process.js';
import { temporaryFolder } from './temporary-folder.js';

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
  const folder = await temporaryFolder();
  const ports = await Promise.all(given.map(() => freePort()));
  const servers = given.map(
    ({ upstream, directives }, i) =>
      `server { listen 127.0.0.1:${ports[i]}; location / { proxy_pass ${upstream}; proxy_http_version 1.1; ${directives} } }`,
  );
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
  ${servers.join('\n  ')}
}
`,
  );
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
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
