import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import {
  FetchError,
  FetchedSources,
  fetchGit,
  fetchUrl,
  findGitUrl,
  isFetchedContext,
  openContext,
  remoteKind,
} from '../../../src/builder/sources/index.js';
import { Tmpfs } from '../../faults/tmpfs.js';
import { run } from '../../support/run.js';
import { SocksServer } from '../../support/socks-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const hasGit = await run(['git', '--version']).then(
  () => true,
  () => false,
);
const hasTar = await run(['tar', '--version']).then(
  () => true,
  () => false,
);

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function* bytes(...parts: (string | Buffer)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part as string);
}

describe('fetchUrl', () => {
  const listener: RequestListener = (request, response) => {
    if (request.url === '/moved') return response.writeHead(302, { location: '/a%20b.txt' }).end();
    if (request.url === '/loop') return response.writeHead(302, { location: '/loop' }).end();
    if (request.url === '/away') return response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    if (request.url === '/cut')
      return response.writeHead(200, { 'content-length': '100' }).write('x', () => response.destroy());
    if (request.url === '/auth') return response.end(request.headers.authorization ?? 'none');
    if (request.url !== '/a%20b.txt') return response.writeHead(404).end();
    return response.writeHead(200, { 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT' }).end('content');
  };
  const digest = `sha256:${createHash('sha256').update('content').digest('hex')}`;

  it('saves the file, with its name, time and digest', async () => {
    await using server = await serve(listener);
    await using folder = await temporaryFolder();
    const result = await fetchUrl(`${server.url}/a%20b.txt`, { directory: folder.path, checksum: digest });
    expect(result).toMatchObject({ fileName: 'a b.txt', mtime: 1420070400, digest, size: 7 });
    expect(readFileSync(result.path, 'utf8')).toBe('content');
    expect(statSync(result.path).mode & 0o777).toBe(0o600);
  });

  it('follows redirects, under the first name', async () => {
    await using server = await serve(listener);
    await using folder = await temporaryFolder();
    const result = await fetchUrl(`${server.url}/moved`, { directory: folder.path });
    expect(result).toMatchObject({ fileName: 'moved', digest });
  });

  it('goes by way of a SOCKS proxy', async () => {
    await using server = await serve(listener);
    await using folder = await temporaryFolder();
    await using proxy = await SocksServer.start();
    const proxyEnv = { ALL_PROXY: `socks5h://${proxy.address}` };
    const name = `files.example:${new URL(server.url).port}`;
    const { digest: fetched } = await fetchUrl(`http://${name}/moved`, { directory: folder.path, proxyEnv });
    expect(fetched).toBe(digest);
    expect(new Set(proxy.destinations)).toEqual(new Set([name]));
  });

  it('shows secrets to their host', async () => {
    await using server = await serve(listener);
    await using folder = await temporaryFolder();
    const secrets = new Map([[`HTTP_AUTH_TOKEN_${new URL(server.url).host}`, 'abc\n']]);
    const { path } = await fetchUrl(`${server.url}/auth`, { directory: folder.path, secrets });
    expect(readFileSync(path, 'utf8')).toBe('Bearer abc');
  });

  it.each<[path: string, message: RegExp, checksum: string | undefined]>([
    ['/none', /the server answers 404 Not Found/, undefined],
    ['/loop', /more than 10 redirects/, undefined],
    ['/away', /redirected to file:/, undefined],
    ['/cut', /cannot fetch .*\/cut: /, undefined],
    ['/a%20b.txt', /is sha256:[0-9a-f]+, and not sha256:0000/, `sha256:${'0'.repeat(64)}`],
  ])('fails for %s and leaves nothing', async (path, message, checksum) => {
    await using server = await serve(listener);
    await using folder = await temporaryFolder();
    const fetching = fetchUrl(`${server.url}${path}`, {
      directory: folder.path,
      ...(checksum && { checksum }),
    });
    await expect(fetching).rejects.toThrow(message);
    await expect(fetching).rejects.toThrow(FetchError);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it.each<[what: string, path: string, message: RegExp]>([
    [
      'says that it is',
      '/announced',
      /cannot fetch .*announced: it takes 65536 MiB, and the disk has 40 MiB free/,
    ],
    ['never ends', '/endless', /cannot fetch .*endless: it goes on, and the disk has \d+ MiB free/],
  ])('takes nothing that is larger than the disk and %s', async (_, path, message) => {
    let sent = 0;
    let closed: Promise<unknown> | undefined;
    await using server = await serve((request, response) => {
      closed = once(response, 'close');
      if (request.url === '/announced') response.setHeader('content-length', 65536 * 1024 ** 2);
      const more = () => {
        while (response.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
        response.once('drain', more);
      };
      more();
    });
    await using disk = await Tmpfs.mount(40);
    await expect(fetchUrl(`${server.url}${path}`, { directory: disk.path })).rejects.toThrow(message);
    await closed; // nothing is left waiting
    expect(sent).toBeLessThan(60 * 1024 ** 2);
    expect(readdirSync(disk.path)).toEqual([]);
  });

  it('says that nobody is there', async () => {
    await using folder = await temporaryFolder();
    await expect(fetchUrl('http://user:secret@127.0.0.1:1/x', { directory: folder.path })).rejects.toThrow(
      /^cannot fetch http:\/\/127.0.0.1:1\/x: .*ECONNREFUSED/,
    );
  });
});

async function repository(folder: string): Promise<string> {
  const [work, bare] = [join(folder, 'work'), join(folder, 'b.git')];
  mkdirSync(join(work, 'dir'), { recursive: true });
  const git = (...args: string[]) =>
    run([
      'git',
      '-C',
      work,
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      '-c',
      'commit.gpgsign=false',
      ...args,
    ]);
  await git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(work, 'file'), 'one');
  writeFileSync(join(work, 'dir/Dockerfile'), 'FROM scratch\n');
  writeFileSync(join(work, 'script'), '#!/bin/sh\n');
  chmodSync(join(work, 'script'), 0o775);
  symlinkSync('/etc', join(work, 'out'));
  await git('add', '.');
  await git('commit', '--quiet', '-m', 'one');
  await git('tag', '-a', '-m', 'v1', 'v1');
  writeFileSync(join(work, 'file'), 'two');
  await git('commit', '--quiet', '-am', 'two');
  await git('branch', 'other');
  await run(['git', 'clone', '--quiet', '--bare', work, bare]);
  return `file://${bare}`;
}

function gitUrl(text: string) {
  const url = findGitUrl(text, { file: true });
  if (url === undefined) throw new Error(`no address of git: ${text}`);
  return url;
}

/** One for all: making it takes a second. */
let shared: Promise<{ folder: TemporaryFolder; url: string }> | undefined;

async function sharedRepository(): Promise<string> {
  shared ??= temporaryFolder().then(async (folder) => ({ folder, url: await repository(folder.path) }));
  return (await shared).url;
}

afterAll(async () => (await shared)?.folder[Symbol.asyncDispose]());

describe.skipIf(!hasGit)('fetchGit', () => {
  const env = { PATH: process.env.PATH };

  it.each<[suffix: string, content: string]>([
    ['', 'two'],
    ['#main', 'two'],
    ['#v1', 'one'],
    ['#refs/tags/v1', 'one'],
    ['?branch=other', 'two'],
  ])('fetches %j', async (suffix, content) => {
    await using folder = await temporaryFolder();
    const url = await sharedRepository();
    const { directory, commit } = await fetchGit(gitUrl(`${url}${suffix}`), {
      directory: join(folder.path, 'to'),
      env,
    });
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe(content);
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
    expect(existsSync(join(directory, '.git'))).toBe(false);
    expect([
      statSync(join(directory, 'file')).mode & 0o777,
      statSync(join(directory, 'script')).mode & 0o777,
    ]).toEqual([0o644, 0o755]);
  });

  it('fetches commits, whole and abbreviated', async () => {
    await using folder = await temporaryFolder();
    const url = await sharedRepository();
    const v1 = await fetchGit(gitUrl(`${url}#v1`), { directory: join(folder.path, 'a'), env });
    const whole = await fetchGit(gitUrl(`${url}#${v1.commit}`), { directory: join(folder.path, 'b'), env });
    const short = await fetchGit(gitUrl(`${url}#${v1.commit.slice(0, 10)}`), {
      directory: join(folder.path, 'c'),
      env,
    });
    expect([whole.commit, short.commit]).toEqual([v1.commit, v1.commit]);
  });

  it('can keep the history, and take a directory', async () => {
    await using folder = await temporaryFolder();
    const url = gitUrl(`${await sharedRepository()}#main:dir`);
    const { directory } = await fetchGit(url, {
      directory: join(folder.path, 'to'),
      env,
      keepGitDirectory: true,
    });
    expect(readdirSync(directory)).toEqual(['Dockerfile']);
    expect(existsSync(join(folder.path, 'to/.git'))).toBe(true);
  });

  it.each<[suffix: string, checksum: string | undefined, message: RegExp]>([
    ['#nothing', undefined, /git fetch of .* failed: .*nothing/],
    ['#abcdef123', undefined, /has no ref or commit abcdef123/],
    ['#:nothing', undefined, /has no directory nothing/],
    ['#:out', undefined, /leads out of/],
    ['#v1', 'abcd', /is at commit [0-9a-f]{40}, and not at abcd/],
  ])('fails for %s', async (suffix, checksum, message) => {
    await using folder = await temporaryFolder();
    const url = gitUrl(`${await sharedRepository()}${suffix}`);
    const fetching = fetchGit(url, {
      directory: join(folder.path, 'to'),
      env,
      ...(checksum && { checksum }),
    });
    await expect(fetching).rejects.toThrow(message);
    await expect(fetching).rejects.toThrow(FetchError);
  });

  it('says that there is no git', async () => {
    await using folder = await temporaryFolder();
    const fetching = fetchGit(gitUrl('https://host/b.git'), {
      directory: join(folder.path, 'to'),
      env: { PATH: folder.path },
    });
    await expect(fetching).rejects.toThrow(/the program git is not installed/);
  });

  it('shows secrets to their host', async () => {
    const seen: (string | undefined)[] = [];
    await using server = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(404).end();
    });
    await using folder = await temporaryFolder();
    const url = gitUrl(`${server.url}/b.git`);
    const secrets = new Map([
      ['GIT_AUTH_TOKEN', 'other'],
      [`GIT_AUTH_TOKEN.${url.host}`, 'abc\n'],
    ]);
    await expect(fetchGit(url, { directory: join(folder.path, 'to'), env, secrets })).rejects.toThrow(
      FetchError,
    );
    expect(seen[0]).toBe(`basic ${Buffer.from('x-access-token:abc').toString('base64')}`);
  });

  it('shows secrets to no host that theirs redirects to', async () => {
    const seen: (string | undefined)[] = [];
    await using stranger = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(404).end();
    });
    await using server = await serve((request, response) => {
      response.writeHead(301, { location: `${stranger.url}${request.url}` }).end();
    });
    await using folder = await temporaryFolder();
    const url = gitUrl(`${server.url}/b.git`);
    const secrets = new Map([['GIT_AUTH_TOKEN', 'abc']]);
    const fetching = fetchGit(url, { directory: join(folder.path, 'to'), env, secrets });
    await expect(fetching).rejects.toThrow(
      'credentials go to no address that it redirects to: name that one instead',
    );
    expect(seen).toEqual([]);
    await expect(fetchGit(url, { directory: join(folder.path, 'again'), env })).rejects.toThrow(FetchError);
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((header) => header === undefined)).toBe(true);
  });

  it('fetches from servers that are only files', async () => {
    await using folder = await temporaryFolder();
    const bare = fileURLToPath(await sharedRepository());
    await run(['git', '-C', bare, 'update-server-info']);
    await using server = await serve((request, response) => {
      const path = join(bare, '..', new URL(request.url ?? '/', 'http://x').pathname);
      if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return response.writeHead(404).end();
      return response.end(readFileSync(path));
    });
    const { directory } = await fetchGit(gitUrl(`${server.url}/b.git#v1`), {
      directory: join(folder.path, 'to'),
      env,
    });
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('one');
  });
});

describe('openContext', () => {
  const options = (folder: string, stdin = bytes()) => ({
    temporaryDirectory: folder,
    stdin,
    env: { PATH: process.env.PATH },
  });

  it.each([
    ['.', false],
    ['dir', false],
    ['-', true],
    ['https://host/x.tar', true],
    ['github.com/a/b', true],
    ['git@host:a', true],
  ] as const)('of %s is fetched: %s', (spec, is) => expect(isFetchedContext(spec)).toBe(is));

  it('leaves directories alone', async () => {
    await using folder = await temporaryFolder();
    const context = await openContext(folder.path, options(folder.path));
    context.cleanup();
    expect(context.directory).toBe(folder.path);
    expect(existsSync(folder.path)).toBe(true);
  });

  it('reads a Dockerfile from standard input', async () => {
    await using folder = await temporaryFolder();
    const context = await openContext('-', options(folder.path, bytes('FROM ', 'scratch\n')));
    expect(context.dockerfile).toBe('FROM scratch\n');
    expect(readdirSync(context.directory)).toEqual([]);
    context.cleanup();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it.skipIf(!hasTar).each(['tar', 'tar.gz'])(
    'reads a %s from standard input and from an address',
    async (kind) => {
      await using folder = await temporaryFolder();
      const work = join(folder.path, 'work');
      mkdirSync(work);
      writeFileSync(join(work, 'Dockerfile'), 'FROM scratch\n');
      await run(['tar', '-C', work, '-cf', join(folder.path, 'x.tar'), '.']);
      const tar = readFileSync(join(folder.path, 'x.tar'));
      const content = kind === 'tar' ? tar : gzipSync(tar);
      await using server = await serve((_request, response) => response.end(content));
      for (const spec of ['-', `${server.url}/whatever`]) {
        const stdin = bytes(content.subarray(0, 5), content.subarray(5));
        const context = await openContext(spec, options(folder.path, stdin));
        expect(context.dockerfile).toBeUndefined();
        expect(readFileSync(join(context.directory, 'Dockerfile'), 'utf8')).toBe('FROM scratch\n');
        context.cleanup();
      }
      expect(readdirSync(folder.path).sort()).toEqual(['work', 'x.tar']);
    },
  );

  it('reads a Dockerfile from an address', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((_request, response) => response.end('FROM scratch'));
    expect(await openContext(`${server.url}/Dockerfile`, options(folder.path))).toMatchObject({
      dockerfile: 'FROM scratch',
    });
  });

  it.skipIf(!hasGit)('fetches a repository', async () => {
    await using folder = await temporaryFolder();
    const context = await openContext(`${await sharedRepository()}#v1:dir`, options(folder.path));
    expect(readdirSync(context.directory)).toEqual(['Dockerfile']);
  });

  it('says that nothing came, and leaves nothing', async () => {
    await using folder = await temporaryFolder();
    await expect(openContext('-', options(folder.path))).rejects.toThrow(/standard input is empty/);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('FetchedSources', () => {
  const request = { keepGitDirectory: false, signal: new AbortController().signal, onStatus: () => {} };

  it.each([
    { source: 'https://a/b', kind: 'web' },
    { source: 'https://a/b.git#v1', kind: 'git' },
    { source: 'git@a:b', kind: 'git' },
    { source: 'ssh://a/b', kind: 'git' },
    ...['a/b', 'github.com/a/b', 'file:///etc/passwd', 'file:///a.git', 'https://'].map((source) => ({
      source,
      kind: undefined,
    })),
  ])('are told from paths: $source is $kind', ({ source, kind }) => expect(remoteKind(source)).toBe(kind));

  it('makes trees of files', async () => {
    await using folder = await temporaryFolder();
    await using server = await serve((_request, response) =>
      response.writeHead(200, { 'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT' }).end('x'),
    );
    const sources = new FetchedSources({ temporaryDirectory: folder.path });
    const { tree, path, kind } = await sources.fetch({ ...request, url: `${server.url}/a.txt` });
    expect([path, kind]).toEqual(['a.txt', 'file']);
    expect(tree.entry(path)).toMatchObject({ type: 'file', mode: 0o600, uid: 0, gid: 0, mtime: 1420070400 });
  });
});
