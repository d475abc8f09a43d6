import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { dirname, join } from 'node:path';
import { freePort } from './free-port.js';
import { run } from './run.js';
import { ServerProcess } from './server-process.js';

const AUTHOR = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main'];

/** A bare repository `name.git` below `folder`, made by commits of files; each has a tag, the last is branch main. */
export async function makeRepository(
  folder: string,
  name: string,
  commits: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<Record<string, string>> {
  const work = join(folder, `${name}-work`);
  await mkdir(work, { recursive: true });
  const git = (...args: string[]) => run(['git', ...AUTHOR, '-C', work, ...args]);
  await git('init', '-q');
  const digests: Record<string, string> = {};
  for (const [tag, files] of Object.entries(commits)) {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(work, path)), { recursive: true });
      await writeFile(join(work, path), text);
      if (text.startsWith('#!')) await chmod(join(work, path), 0o755);
    }
    await git('add', '-A');
    await git('commit', '-q', '-m', tag);
    await git('tag', tag);
    digests[tag] = (await git('rev-parse', 'HEAD')).trim();
  }
  await run(['git', 'clone', '-q', '--bare', work, join(folder, `${name}.git`)]);
  return digests;
}

export type FileServer = AsyncDisposable & Readonly<{ url: string }>;

/** git's own daemon, for the repositories in a folder. */
export async function startGitDaemon(folder: string): Promise<FileServer> {
  const port = await freePort();
  const process = await ServerProcess.start({
    command: [
      'git',
      'daemon',
      '--export-all',
      `--base-path=${folder}`,
      '--listen=127.0.0.1',
      `--port=${port}`,
      '--reuseaddr',
      folder,
    ],
    cwd: folder,
    isReady: () => connects(port),
  });
  return { url: `git://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => process[Symbol.asyncDispose]() };
}

async function connects(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  return true;
}

export type WebServerOptions = Readonly<{
  /** PEM; https with it. */
  tls?: Readonly<{ cert: string; key: string }>;
  listener: RequestListener;
}>;

/** A web server on a port of its own. */
export async function startWebServer({ tls, listener }: WebServerOptions): Promise<FileServer> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers as `git http-backend` does, for the repositories in a folder. */
export function gitOverHttp(folder: string): RequestListener {
  return (request, response) => void answer(folder, request, response);
}

/** RFC 3875, as far as git goes. */
async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://x');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  const output = Buffer.concat(await Array.fromAsync(child.stdout as AsyncIterable<Buffer>));
  const end = output.indexOf('\r\n\r\n');
  const headers = output.subarray(0, end).toString().split('\r\n');
  for (const header of headers) {
    const [, name = '', value = ''] = /^([^:]+): (.*)$/.exec(header) ?? [];
    if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.end(output.subarray(end + 4));
}
