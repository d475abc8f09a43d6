import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { freePort } from '../support/free-port.js';
import { http } from '../support/http.js';
import { pushImage, sha256, testImage } from '../support/push.js';
import { cleanEnvironment, run } from '../support/run.js';
import { ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('berth serve', () => {
  it('needs no configuration, and says what to type next', async () => {
    await using folder = await temporaryFolder();
    const address = `127.0.0.1:${await freePort()}`;
    const [, port] = address.split(':');
    await using server = await ServerProcess.start({
      command: [BERTH, 'serve'],
      cwd: folder.path,
      env: cleanEnvironment({ REGISTRY_HTTP_ADDR: address }),
      isReady: async () => (await http(`http://${address}/v2/`)).status === 200,
    });
    await expect.poll(() => server.output).toContain(`docker push localhost:${port}/`);
    await pushImage(`http://${address}`, 'app', 'v1', testImage('a'));
    expect(await server.stop('SIGTERM')).toBe(0);
  });

  it('finishes requests that are under way when it is told to stop', async () => {
    await using berth = await BerthProcess.start({ config: { http: { draintimeout: '20s' } } });
    const bytes = Buffer.alloc(100_000, 'x');
    const upload = request(`${berth.url}/v2/app/blobs/uploads/?digest=${sha256(bytes)}`, {
      method: 'POST',
      agent: false,
      headers: { 'content-length': bytes.length, expect: '100-continue' },
    });
    upload.flushHeaders();
    await once(upload, 'continue'); // it is under way
    upload.write(bytes.subarray(0, 50_000));
    const stopped = berth.stop();
    const outcome = () =>
      http(`${berth.url}/v2/`).then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code,
      );
    await expect.poll(outcome).toBe('ECONNREFUSED');
    upload.end(bytes.subarray(50_000));
    const [answer] = await once(upload, 'response');
    expect(answer.statusCode).toBe(201);
    answer.resume();
    expect(await stopped).toBe(0);
  });

  it('cuts what does not finish in time', async () => {
    await using berth = await BerthProcess.start({ config: { http: { draintimeout: '500ms' } } });
    const upload = request(`${berth.url}/v2/app/blobs/uploads/`, { method: 'POST', agent: false });
    upload.on('error', () => {});
    upload.write('never ends');
    await sleep(300);
    const started = performance.now();
    expect(await berth.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('answers TLS on its plain port in a way that makes clients try without', async () => {
    await using berth = await BerthProcess.start();
    const socket = connect(Number(new URL(berth.url).port), '127.0.0.1');
    socket.write(Buffer.from('16030100c8010000c40303', 'hex'));
    const [bytes] = await once(socket, 'data');
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400/);
    socket.destroy();
  });

  it('says what a request without a Host lacks', async () => {
    await using berth = await BerthProcess.start();
    const socket = connect(Number(new URL(berth.url).port), '127.0.0.1');
    socket.write('GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n');
    const answer = Buffer.concat(await socket.toArray()).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"message":"a request of HTTP/1.1 must say its Host"');
  });

  it('leaves a root directory to the server that has it, until that ends in whatever way', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'data');
    await using first = await BerthProcess.start({ root });
    await expect(BerthProcess.start({ root })).rejects.toThrow(
      `cannot serve ${root}: another berth serve (process ${first.pid} on `,
    );
    await using reader = await BerthProcess.start({
      root,
      env: { REGISTRY_STORAGE_MAINTENANCE_READONLY: '{enabled: true}' },
    });
    await pushImage(first.url, 'app', 'v1', testImage('a'));
    expect((await http(`${reader.url}/v2/app/manifests/v1`)).status).toBe(200);
    await first.stop('SIGKILL');
    await using second = await BerthProcess.start({ root });
    expect((await http(`${second.url}/v2/app/manifests/v1`)).status).toBe(200);
  });

  it('names the address that is taken', async () => {
    await using berth = await BerthProcess.start();
    await using folder = await temporaryFolder();
    const env = cleanEnvironment({ REGISTRY_HTTP_ADDR: berth.address });
    await expect(run([BERTH, 'serve'], { cwd: folder.path, env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`cannot listen on ${berth.address}: something listens there already`),
    });
  });

  it('listens again on the unix socket of a server that was killed, and on no other', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'berth.sock');
    const start = () =>
      ServerProcess.start({
        command: [BERTH, 'serve'],
        cwd: folder.path,
        env: cleanEnvironment({ REGISTRY_HTTP_NET: 'unix', REGISTRY_HTTP_ADDR: path }),
        isReady: async () => (await run(['curl', '-s', '--unix-socket', path, 'http://x/v2/'])) === '{}',
      });
    await using first = await start();
    const env = cleanEnvironment({
      REGISTRY_HTTP_NET: 'unix',
      REGISTRY_HTTP_ADDR: path,
      REGISTRY_STORAGE: 'inmemory',
    });
    await expect(run([BERTH, 'serve'], { cwd: folder.path, env })).rejects.toMatchObject({
      stderr: expect.stringContaining(`cannot listen on ${path}: something listens there already`),
    });
    await first.stop('SIGKILL');
    await using second = await start();
    expect(await second.stop()).toBe(0);
  });

  it('shows a page to people and nothing to programs', async () => {
    await using berth = await BerthProcess.start();
    await pushImage(berth.url, 'team/app', 'v1', testImage('a'));
    expect(await http(`${berth.url}/`)).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    const page = await http(`${berth.url}/`, { headers: { accept: 'text/html', host: '<script>' } });
    expect(page.body.toString()).toContain('<li>team/app');
    expect(page.body.toString()).not.toContain('<script>');
  });

  it('warns of an index whose images are not all there, where the configuration takes it', async () => {
    const validation = { manifests: { indexes: { platforms: 'none' } } };
    await using berth = await BerthProcess.start({ config: { validation } });
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const digest = sha256(Buffer.from('elsewhere'));
    const child = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 9 };
    const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [child] });
    const answer = await http(`${berth.url}/v2/app/manifests/v1`, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.warning).toBe(`299 - "app has no ${digest}, which this manifest names"`);
  });

  it('keeps nothing of a blob that a quota has no room for', async () => {
    const quotas = [{ repositories: 'team/*', size: '100KiB' }];
    await using berth = await BerthProcess.start({ config: { berth: { quotas } } });
    const start = () => http(`${berth.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
    const push = async (bytes: Buffer) => {
      const url = `${berth.url}${(await start()).headers.location}`;
      expect((await http(url, { method: 'PATCH', body: bytes })).status).toBe(202);
      const { status } = await http(`${url}?digest=${sha256(bytes)}`, { method: 'PUT' });
      return { status, left: (await http(url)).status };
    };
    expect(await push(Buffer.alloc(102_401, 'a'))).toEqual({ status: 403, left: 404 });
    expect(await push(Buffer.alloc(102_400, 'b'))).toEqual({ status: 201, left: 404 });
    expect(await push(Buffer.from('c'))).toEqual({ status: 403, left: 404 });
  });

  it('takes what a full quota has already, and refuses else what it is told the name of', async () => {
    const image = testImage('a');
    const size = image.blobs.reduce((bytes, blob) => bytes + blob.length, 0);
    const quotas = [{ repositories: 'team/*', size: String(size) }];
    await using berth = await BerthProcess.start({ config: { berth: { quotas } } });
    await pushImage(berth.url, 'team/app', 'v1', image);

    const uploads = (name: string) => `${berth.url}/v2/team/${name}/blobs/uploads/`;
    const post = async (url: string, body?: Buffer) =>
      (await http(url, { method: 'POST', ...(body && { body }) })).status;
    const inSession = async (name: string, bytes: Buffer, { chunked }: { chunked: boolean }) => {
      const { headers } = await http(uploads(name), { method: 'POST' });
      const url = `${berth.url}${headers.location}`;
      if (chunked) await http(url, { method: 'PATCH', body: bytes });
      const end = { method: 'PUT', ...(!chunked && { body: bytes }) };
      const { status } = await http(`${url}?digest=${sha256(bytes)}`, end);
      return { status, left: (await http(url)).status };
    };
    await pushImage(berth.url, 'team/app', 'v2', image);
    await pushImage(berth.url, 'team/other', 'v1', image);
    for (const bytes of image.blobs) {
      const digest = sha256(bytes);
      expect(await post(`${uploads('mounted')}?mount=${digest}&from=team/app`)).toBe(201);
      expect(await post(`${uploads('mounted-from-any')}?mount=${digest}`)).toBe(201);
      expect(await post(`${uploads('not-mounted')}?mount=${digest}&from=team/nowhere`)).toBe(202);
      for (const chunked of [true, false])
        expect(await inSession(`chunked-${chunked}`, bytes, { chunked })).toEqual({ status: 201, left: 404 });
    }
    const more = Buffer.from('more');
    expect(await post(`${uploads('app')}?digest=${sha256(more)}`, more)).toBe(403);
    expect(await post(`${uploads('app')}?digest=${sha256(more)}`)).toBe(403);
    expect(await post(`${uploads('app')}?mount=${sha256(more)}&from=team/nowhere`)).toBe(403);
    for (const chunked of [true, false])
      expect(await inSession('app', more, { chunked })).toEqual({ status: 403, left: 404 });
  });

  it('answers at / whatever its prefix is', async () => {
    await using berth = await BerthProcess.start({ config: { http: { addr: ':1', prefix: '/registry/' } } });
    const statusOf = async (path: string) => (await http(`${berth.url}${path}`)).status;
    for (const path of ['/', '/registry/', '/registry/v2/', '/registry/v1/_ping'])
      expect([path, await statusOf(path)]).toEqual([path, 200]);
    for (const path of ['/v2/', '/v1/_ping']) expect([path, await statusOf(path)]).toEqual([path, 404]);
  });

  it('counts and reports on a server of its own', async () => {
    const debug = `127.0.0.1:${await freePort()}`;
    const http_ = { debug: { addr: debug, prometheus: { enabled: true } } };
    await using berth = await BerthProcess.start({ config: { http: http_ } });
    await pushImage(berth.url, 'team/app', 'v1', testImage('a'));
    await http(`${berth.url}/v2/team/app/manifests/v1`);
    const metrics = (await http(`http://${debug}/metrics`)).body.toString();
    expect(metrics).toContain('registry_http_requests_total{handler="manifest",method="put",code="201"} 1');
    expect(metrics).toContain('berth_repository_pulls_total{repository="team/app"} 1');
    expect(metrics).toMatch(/berth_repository_tags\{repository="team\/app"\} 1/);
    expect(metrics).toMatch(
      /registry_storage_action_seconds_count\{driver="filesystem",action="PutContent"\} \d+/,
    );
    expect((await http(`http://${debug}/debug/health`)).status).toBe(200);
    await http(`http://${debug}/debug/health/down`, { method: 'POST' });
    for (const path of ['/', '/v2/']) expect((await http(`${berth.url}${path}`)).status).toBe(503);
    await http(`http://${debug}/debug/health/up`, { method: 'POST' });
    expect((await http(`${berth.url}/v2/`)).status).toBe(200);
  });

  it('writes an access log with the user and the id that the client saw', async () => {
    await using berth = await BerthProcess.start({ config: { log: { formatter: 'json' } } });
    const { headers } = await http(`${berth.url}/v2/_catalog?n=1`);
    await berth.stop();
    const lines = berth.output.split('\n').filter((line) => line.includes('_catalog'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(String(headers['x-request-id']));
    expect(JSON.parse(lines[0] ?? '')).toBeTypeOf('object');
  });
});

describe('the index', () => {
  it('is made anew when it is missing, and asked meanwhile', async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, 'data');
    const image = testImage('a');
    {
      await using berth = await BerthProcess.start({ root });
      await pushImage(berth.url, 'team/app', 'v1', image);
    }
    await rm(join(root, 'berth'), { recursive: true });
    await using berth = await BerthProcess.start({ root });
    const manifest = await http(`${berth.url}/v2/team/app/manifests/v1`);
    expect(manifest.headers['docker-content-digest']).toBe(image.digest);
    const { body } = await http(`${berth.url}/v2/_catalog`);
    expect(JSON.parse(body.toString())).toEqual({ repositories: ['team/app'] });
  });

  it('tells sizes and times of each repository', async () => {
    await using berth = await BerthProcess.start();
    await pushImage(berth.url, 'team/app', 'v1', testImage('a'));
    await http(`${berth.url}/v2/team/app/manifests/v1`);
    await berth.stop();
    const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: berth.root });
    const [usage] = JSON.parse(await run([BERTH, 'index', 'list', '--json'], { env }));
    expect(usage).toMatchObject({ repository: 'team/app', tags: 1, manifests: 1 });
    expect(usage.bytes).toBeGreaterThan(100);
    expect(Date.parse(usage.pulledAt)).toBeGreaterThanOrEqual(Date.parse(usage.pushedAt));
    expect(await run([BERTH, 'index', 'list'], { env })).toMatch(
      /^REPOSITORY +TAGS[^\n]*\nteam\/app +1 +1 +\d+B +\S+Z +\S+Z\n$/,
    );
  });

  it('is not made where there is no registry', async () => {
    await using folder = await temporaryFolder();
    const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder.path, 'none') });
    for (const args of [
      ['index', 'list'],
      ['index', 'rebuild'],
      ['uploads', 'purge'],
    ]) {
      const stderr = expect.stringMatching(/^berth: there is no registry in .*none; name its .* --config\n$/);
      await expect(run([BERTH, ...args], { env })).rejects.toMatchObject({ code: 1, stderr });
    }
    expect(await readdir(folder.path)).toEqual([]);
    const there = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: folder.path });
    const stderr = expect.stringContaining('berth index rebuild');
    await expect(run([BERTH, 'index', 'list'], { env: there })).rejects.toMatchObject({ code: 1, stderr });
  });

  it('is rebuilt by a command while the registry runs', async () => {
    await using berth = await BerthProcess.start();
    await pushImage(berth.url, 'team/app', 'v1', testImage('a'));
    const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: berth.root });
    // A tag that vanishes from the files while nobody looks.
    await rm(join(berth.root, 'docker/registry/v2/repositories/team/app/_manifests/tags/v1'), {
      recursive: true,
    });
    expect((await http(`${berth.url}/v2/team/app/manifests/v1`)).status).toBe(200);
    expect(await run([BERTH, 'index', 'rebuild'], { env })).toContain('1 repository agrees');
    expect((await http(`${berth.url}/v2/team/app/manifests/v1`)).status).toBe(404);
    expect((await http(`${berth.url}/v2/team/app/manifests/${testImage('a').digest}`)).status).toBe(200);
  });
});

describe('the berth command', () => {
  it.each([
    { args: ['--help'], text: 'Examples:' },
    { args: ['--version'], text: 'berth 0.1.0' },
    { args: ['serve', '--help'], text: 'Examples:' },
    { args: ['user', 'add', '--help'], text: 'Examples:' },
    { args: ['tls', 'init', '--help'], text: 'Examples:' },
    { args: ['index', 'rebuild', '--help'], text: 'Examples:' },
    { args: ['index', 'list', '--help'], text: 'Examples:' },
    { args: ['index', '--help'], text: 'Examples:' },
    { args: ['config', 'check', '--help'], text: 'Examples:' },
    { args: ['completion', 'fish'], text: 'complete -c berth' },
  ])('answers $args', async ({ args, text }) => {
    expect(await run([BERTH, ...args])).toContain(text);
  });

  it.each([
    { args: ['serve', '--port', '1'], says: 'see berth serve --help' },
    { args: ['user', 'add'], says: 'see berth user add --help' },
    { args: ['user', 'rm', 'a', '--debug'], says: /UsageError: .*give one with --file\n +at / },
    { args: ['tls', 'init', '--days', '0', '--debug'], says: /UsageError: --days must be .*\n +at / },
  ])('ends with 2 for a mistake in $args, and says where to look', async ({ args, says }) => {
    const failure = await run([BERTH, ...args]).catch((error) => error);
    expect(failure).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
  });

  it('ends without a word, as by SIGPIPE, when nobody reads on', async () => {
    const script = `{ "$1" config schema; echo "ended with $?" >&2; } 2>&1 >&3 | cat`;
    const said = await run(['bash', '-c', `exec 3> >(true); wait $!; ${script}`, 'bash', BERTH]);
    expect(said).toBe('ended with 141\n');
    const full = await run(['bash', '-c', '"$1" config schema >/dev/full', 'bash', BERTH]).catch((e) => e);
    expect(full).toMatchObject({ code: 1, stderr: 'berth: no space left on device\n' });
  });

  it('ends with 78 and one line for a configuration that cannot be used', async () => {
    await using folder = await temporaryFolder();
    const failure = await run([BERTH, 'serve', join(folder.path, 'none.yml')]).catch((error) => error);
    expect(failure).toMatchObject({ code: 78 });
    expect(failure.stderr.trim().split('\n')).toHaveLength(1);
    expect(failure.stderr).toContain('there is no such file');
  });
});
