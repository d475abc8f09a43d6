import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { type Nginx, startNginx } from '../support/nginx.js';
import { createAuthority } from '../support/private-authority.js';
import { pushImage, sha256, testImage } from '../support/push.js';
import { cleanEnvironment, RunError, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

type Found = Readonly<{ check: string; severity: string; found: string; remedy: string }>;

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder?.[Symbol.asyncDispose]());

async function doctor(...args: string[]): Promise<{ code: number; found: Found[] }> {
  const env = cleanEnvironment({ HOME: folder.path });
  try {
    return { code: 0, found: JSON.parse(await run([BERTH, 'doctor', '--json', ...args], { env })) };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return { code: error.code ?? -1, found: JSON.parse(error.stdout) };
  }
}

const WELL = `client_max_body_size 0; proxy_request_buffering off; proxy_buffering off;
  proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;`;

describe('berth doctor URL, through nginx', () => {
  const stack = new AsyncDisposableStack();
  let nginx: Nginx;
  beforeAll(async () => {
    const path = join(folder.path, 'htpasswd');
    await run([BERTH, 'user', 'add', 'alice', '--file', path, '--password-stdin'], { input: 'wonderland' });
    const auth = { htpasswd: { realm: 'r', path } };
    const { url } = stack.use(await BerthProcess.start({ config: { auth } }));
    const tokens = stack.use(
      await BerthProcess.start({ config: { auth, berth: { tokens: { enabled: true } } } }),
    );
    nginx = stack.use(
      await startNginx([
        { upstream: url, directives: WELL },
        { upstream: tokens.url, directives: WELL },
        {
          upstream: tokens.url,
          directives: 'proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto https;',
        },
        {
          upstream: url,
          directives: `${WELL} proxy_set_header Authorization ""; proxy_hide_header Docker-Distribution-Api-Version;`,
        },
        { upstream: url, directives: 'proxy_set_header Host $http_host;' },
      ]),
    );
  });
  afterAll(() => stack.disposeAsync());
  const examine = (at: number) => doctor(nginx.urls[at] ?? '', '--creds', 'alice:wonderland');

  it.each([0, 1])('finds nothing wrong where nginx is told what a registry needs', async (at) =>
    expect(await examine(at)).toEqual({ code: 0, found: [] }),
  );

  it('sees that the registry believes it was called by another scheme', async () =>
    expect(await examine(2)).toMatchObject({
      code: 1,
      found: [
        {
          check: 'api',
          severity: 'error',
          found: expect.stringMatching(
            /^for a token, clients are sent to https:\/\/127.*called http:\/\/127/,
          ),
          remedy: expect.stringContaining('proxy_set_header X-Forwarded-Proto $scheme'),
        },
      ],
    }));

  it('sees headers that do not come through', async () =>
    expect(await examine(3)).toMatchObject({
      code: 1,
      found: [
        { check: 'api', severity: 'error', found: expect.stringContaining('without the header Docker-') },
        { check: 'api', severity: 'warning', found: expect.stringContaining('as if nobody had logged in') },
        { check: 'upload', severity: 'note' },
      ],
    }));

  it('sees a limit on sizes', async () =>
    expect(await examine(4)).toMatchObject({
      code: 1,
      found: [
        {
          check: 'upload',
          severity: 'error',
          found: '5 MiB in one request are refused: 413',
          remedy: expect.stringContaining('client_max_body_size 0'),
        },
      ],
    }));
});

it('sees a certificate that clients do not trust, and a name that is not theirs', async () => {
  const { tls, caFile } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
  const host = 'https://registry.example';
  await using registry = await BerthProcess.start({ tls: true, config: { http: { tls, host } } });
  expect(await doctor(registry.url)).toMatchObject({
    code: 1,
    found: [
      { check: 'certificate', severity: 'error', found: expect.stringContaining('does not trust') },
      {
        check: 'upload',
        severity: 'error',
        found: expect.stringContaining(`uploads are sent on to ${host}, though`),
      },
    ],
  });
  expect((await doctor(registry.url, '--ca', caFile)).found).toMatchObject([{ check: 'upload' }]);
});

it('looks at a registry where it runs', async () => {
  const root = join(folder.path, 'data');
  const users = join(folder.path, 'users');
  await writeFile(users, 'bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n', { mode: 0o600 });
  await using registry = await BerthProcess.start({
    root,
    config: {
      auth: { htpasswd: { realm: 'r', path: users } },
      storage: { filesystem: { rootdirectory: root } },
    },
  });
  const image = testImage('a');
  const login = { headers: { authorization: `Basic ${btoa('bob:password')}` } };
  await pushImage(registry.url, 'app', 'v1', image, login);
  await chmod(users, 0o644);
  await mkdir(join(root, 'docker/registry/v2/blobs/sha256/ab/other'), { recursive: true });
  await mkdir(join(root, 'docker/registry/v2/blobs/sha256/@eaDir'));
  await writeFile(join(root, `docker/registry/v2/blobs/sha256/ab/ab${'0'.repeat(62)}`), '');
  const [hex = ''] = [sha256(image.blobs[1] ?? '').replace('sha256:', '')];
  await rm(join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex), { recursive: true });
  const env = { REGISTRY_HTTP_ADDR: registry.address };
  const text = await run([BERTH, 'doctor', '--config', registry.config], { env: cleanEnvironment(env) });
  expect(text).toContain('warning: passwords: passwords of bob are hashed with SHA-1 without salt\n');
  expect(text).toContain(`warning: passwords: everybody on this machine may read ${users}\n`);
  expect(text).toContain('warning: index: the index does not agree with the files of app\n');
  expect(text).toContain('note: integrity: nobody has ever read all that is stored\n');
  expect(text).toMatch(
    /: 3 files .*blobs\/sha256\/@eaDir, .*blobs\/sha256\/ab\/ab0+, .*blobs\/sha256\/ab\/other\n/,
  );
  expect(text).not.toContain('address');
  expect(text).toMatch(/\n0 errors, \d+ warnings, \d+ notes\n$/);
});
