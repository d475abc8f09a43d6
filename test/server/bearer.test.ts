import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyNames } from '../../src/registry/auth/trusted-keys.js';
import { BerthProcess } from '../support/berth-process.js';
import { DebianRegistry } from '../support/debian-registry.js';
import { http } from '../support/http.js';
import { randomLayer } from '../support/layers.js';
import { OciLayout } from '../support/oci-layout.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { makeSigner, makeToken, type Signer } from '../support/token-issuer.js';

let folder: TemporaryFolder;
let signer: Signer;
let issuer: Server;
let auth: Readonly<{ token: object }>;

beforeAll(async () => {
  folder = await temporaryFolder('bearer');
  signer = await makeSigner(folder.path, 'root', { ca: true });
  issuer = createServer(async (request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://issuer');
    const isAlice =
      request.headers.authorization === `Basic ${Buffer.from('alice:secret').toString('base64')}`;
    if (request.headers.authorization && !isAlice) return void response.writeHead(401).end();
    const access = searchParams.getAll('scope').map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',').filter((action) => isAlice || action === 'pull') };
    });
    const token = await tokenFor({ sub: isAlice ? 'alice' : '', access });
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ token }));
  }).listen(0, '127.0.0.1');
  await once(issuer, 'listening');
  const realm = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/token`;
  auth = { token: { realm, service: 'registry', issuer: 'issuer', rootcertbundle: signer.file } };
});
afterAll(async () => {
  issuer.close();
  await folder[Symbol.asyncDispose]();
});

/** Names its key as docker-registry 2 wants it. */
function tokenFor(claims: { sub: string; access: object[] }): Promise<string> {
  return makeToken(signer, { kid: keyNames(createPublicKey(signer.key))[2] ?? '' }, claims);
}

describe('a registry that takes the tokens of another server', () => {
  it('lets clients do what their tokens say', async () => {
    await using berth = await BerthProcess.start({ config: { auth } });
    const layout = await OciLayout.create(join(folder.path, 'layout'));
    await layout.tag('one', await layout.addImage({ layers: [randomLayer(100_000)] }));
    const name = `docker://${berth.address}/team/app:1`;
    const push = (...credentials: string[]) =>
      run(['skopeo', 'copy', '--dest-tls-verify=false', ...credentials, `oci:${layout.folder}:one`, name]);
    await expect(push()).rejects.toThrow(/denied|unauthorized|authentication required|requested access/i);
    await expect(push('--dest-creds', 'alice:wrong')).rejects.toThrow();
    await push('--dest-creds', 'alice:secret');
    expect(await run(['skopeo', 'inspect', '--tls-verify=false', name])).toContain('"RepoTags"');
    const catalog = `${berth.url}/v2/_catalog`;
    expect((await http(catalog)).headers['www-authenticate']).toContain('scope="registry:catalog:*"');
    const ask = async (access: object[]) => {
      const authorization = `Bearer ${await tokenFor({ sub: 'alice', access })}`;
      return (await http(catalog, { headers: { authorization } })).status;
    };
    expect(await ask([])).toBe(401);
    const pull = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
    const authorization = `Bearer ${await tokenFor({ sub: 'alice', access: pull })}`;
    const found = await http(`${berth.url}/v1/search?q=team`, { headers: { authorization } });
    expect(JSON.parse(found.body.toString())).toMatchObject({ num_results: 0 });
    expect(await ask([{ type: 'registry', name: 'catalog', actions: ['*'] }])).toBe(200);
  });

  it('asks rules of its own, too, where there are some', async () => {
    const access = [{ repositories: 'team/*', push: ['bob'], pull: ['alice'] }];
    await using berth = await BerthProcess.start({ config: { auth, berth: { access } } });
    const granted = [{ type: 'repository', name: 'team/app', actions: ['pull', 'push'] }];
    const authorization = `Bearer ${await tokenFor({ sub: 'alice', access: granted })}`;
    const ask = async (method: string, path: string) =>
      (await http(`${berth.url}${path}`, { method, headers: { authorization } })).status;
    expect(await ask('GET', '/v2/team/app/tags/list')).toBe(404);
    expect(await ask('POST', '/v2/team/app/blobs/uploads/')).toBe(403);
  });

  it('takes the same tokens as docker-registry', async () => {
    await using registry = await DebianRegistry.start({ config: { auth } });
    const granted = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
    const authorization = `Bearer ${await tokenFor({ sub: 'alice', access: granted })}`;
    const { status } = await http(`${registry.url}/v2/team/app/tags/list`, { headers: { authorization } });
    expect(status).toBe(404);
  });
});
