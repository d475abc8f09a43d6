import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BERTH, BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { http } from '../support/http.js';
import { basic, pushImage, sha256, testImage } from '../support/push.js';
import { cleanEnvironment, run } from '../support/run.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const as = (user: string) => ({ headers: { authorization: basic(user, `${user}-secret`) } });

it('the audit log tells of each change and each refusal, and holds no secret', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'audit.log');
  const htpasswd = join(folder.path, 'htpasswd');
  await writeHtpasswd(htpasswd, { alice: 'alice-secret', bob: 'bob-secret' });
  const options = {
    root: join(folder.path, 'data'),
    config: {
      auth: { htpasswd: { realm: 'r', path: htpasswd } },
      berth: {
        audit: { path },
        tokens: { enabled: true },
        access: [{ repositories: 'team/**', pull: ['bob'], push: ['alice'], delete: ['alice'] }],
        immutable: [{ repositories: 'team/*', tags: 'v*' }],
        quotas: [{ repositories: 'team/small', size: 1 }],
      },
    },
  };
  const [image, other] = [testImage('a'), testImage('b')];
  const [, layer = Buffer.alloc(0)] = image.blobs;
  const config = join(folder.path, 'config.json');
  {
    await using registry = await BerthProcess.start(options);
    const { url } = registry;
    const app = `${url}/v2/team/app`;
    expect((await http(`${url}/v2/`)).status).toBe(401); // a question, not a refusal
    await pushImage(url, 'team/app', 'v1', image, as('alice'));
    const mount = `${url}/v2/team/two/blobs/uploads/?mount=${sha256(layer)}&from=team/app`;
    await http(mount, { ...as('alice'), method: 'POST' });
    await pushImage(url, 'team/app', 'latest', image, as('alice'));
    await rename(path, `${path}.1`); // as logrotate does
    process.kill(registry.pid, 'SIGHUP');
    expect((await http(`${app}/manifests/latest`, { ...as('alice'), method: 'DELETE' })).status).toBe(202);
    expect((await http(`${app}/manifests/v1`)).status).toBe(401);
    const wrong = { authorization: basic('bob', 'a-wrong-secret') };
    expect((await http(`${url}/v2/`, { headers: wrong })).status).toBe(401);
    expect((await http(`${url}/auth/token`, { headers: wrong })).status).toBe(401);
    const slip = { authorization: basic('alice-secret', '') };
    expect((await http(`${url}/v2/`, { headers: slip })).status).toBe(401);
    await expect(pushImage(url, 'team/app', 'v2', image, as('bob'))).rejects.toThrow(/403/);
    await expect(pushImage(url, 'team/app', 'v1', other, as('alice'))).rejects.toThrow(/immutable/);
    await expect(pushImage(url, 'team/small', 'v1', image, as('alice'))).rejects.toThrow(/no room/);
    await registry.stop();
  }
  const readOnly = { REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED: 'true' };
  {
    await using registry = await BerthProcess.start({ ...options, env: readOnly });
    await expect(pushImage(registry.url, 'team/app', 'v9', image, as('alice'))).rejects.toThrow(/read-only/);
    await rename(registry.config, config);
  }
  const env = cleanEnvironment({ REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: options.root });
  const berth = (...args: string[]) => run([BERTH, ...args, '--config', config], { env });
  const [{ id }] = JSON.parse(await berth('trash', 'list', '--json'));
  await berth('trash', 'restore', id);

  const [before, after] = await Promise.all([`${path}.1`, path].map(linesOf));
  const blobs = image.blobs.map((bytes) => ({ action: 'push', kind: 'blob', digest: sha256(bytes) }));
  const done = { result: 'done', actor: 'alice', client: '127.0.0.1', repository: 'team/app' };
  const manifest = { action: 'push', kind: 'manifest', digest: image.digest };
  expect(before).toMatchObject([
    ...[...blobs, { ...manifest, tag: 'v1' }].map((each) => ({ ...done, ...each })),
    {
      ...done,
      action: 'mount',
      kind: 'blob',
      repository: 'team/two',
      from: 'team/app',
      digest: sha256(layer),
    },
    ...[...blobs, { ...manifest, tag: 'latest' }].map((each) => ({ ...done, ...each })),
  ]);
  const refused = { result: 'refused', actor: 'alice', status: 403, repository: 'team/app' };
  const anonymous = { result: 'refused', status: 401 };
  expect(after).toMatchObject([
    { ...done, action: 'delete', kind: 'tag', tag: 'latest' },
    { ...anonymous, action: 'pull', kind: 'manifest', repository: 'team/app', tag: 'v1', method: 'GET' },
    { ...anonymous, action: 'login', user: 'bob', reason: 'wrong user name or password' },
    { ...anonymous, action: 'login', kind: 'token', user: 'bob', reason: 'wrong user name or password' },
    { ...anonymous, action: 'login', reason: 'wrong user name or password' },
    { ...refused, action: 'push', kind: 'blob_upload', actor: 'bob' },
    ...other.blobs.map((bytes) => ({ ...done, action: 'push', kind: 'blob', digest: sha256(bytes) })),
    { ...refused, action: 'push', kind: 'manifest', tag: 'v1', reason: expect.stringContaining('immutable') },
    { ...refused, action: 'push', repository: 'team/small', reason: expect.stringContaining('no room') },
    { ...refused, action: 'push', status: 405, reason: expect.stringContaining('read-only') },
    {
      action: 'restore',
      result: 'done',
      kind: 'manifest',
      repository: 'team/app',
      tag: 'latest',
      digest: image.digest,
    },
  ]);
  const logins = after?.filter(({ action }) => action === 'login') ?? [];
  expect(logins.map(({ user }) => user)).toEqual(['bob', 'bob', undefined]);
  for (const line of [...(before ?? []), ...(after ?? [])])
    expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  expect(JSON.stringify([before, after])).not.toMatch(/-secret|Basic/);
});

async function linesOf(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
