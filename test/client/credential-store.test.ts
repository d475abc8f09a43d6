import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { editFile } from '../../src/cli/file-edit.js';
import { CredentialStore, type CredentialStoreOptions } from '../../src/client/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** A helper that keeps its secrets in files beside it, and notes what it was asked. */
const HELPER = `#!/bin/sh
read -r server
echo "$1 $server" >> "$HOME/asked"
kept="$HOME/kept-$(echo "$server" | tr -c 'a-zA-Z0-9\\n' _)"
case $1 in
  get) [ -f "$kept" ] && cat "$kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
  store) echo "$server" > "$HOME/stored" ;;
  erase) rm -f "$kept" ;;
esac
`;

let home: TemporaryFolder;
let env: NodeJS.ProcessEnv;
let dockerFile: string;
let notes: string[];

beforeEach(async () => {
  home = await temporaryFolder('credentials');
  env = {
    HOME: home.path,
    XDG_RUNTIME_DIR: join(home.path, 'run'),
    PATH: `${home.path}:${process.env.PATH}`,
  };
  dockerFile = join(home.path, '.docker/config.json');
  notes = [];
});

afterEach(() => home[Symbol.asyncDispose]());

function open(options: Partial<CredentialStoreOptions> = {}): CredentialStore {
  return new CredentialStore({ env, editFile, onNote: (note) => notes.push(note), ...options });
}

async function write(file: string, content: object | string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
}

async function installHelper(name: string, kept: Readonly<Record<string, object>> = {}): Promise<void> {
  const program = join(home.path, `docker-credential-${name}`);
  await writeFile(program, HELPER);
  await chmod(program, 0o755);
  for (const [server, content] of Object.entries(kept)) {
    await writeFile(join(home.path, `kept-${server.replace(/[^a-zA-Z0-9]/g, '_')}`), JSON.stringify(content));
  }
}

const auth = (user: string, password: string) => ({
  auth: Buffer.from(`${user}:${password}`).toString('base64'),
});
const secret = (user: string, password: string) => ({ user, password });

describe('credentials in files', () => {
  it.each([
    { key: 'reg.example:5000', registry: 'reg.example:5000' },
    { key: 'https://reg.example/v1/', registry: 'reg.example' },
    { key: 'http://reg.example', registry: 'reg.example' },
    { key: 'https://index.docker.io/v1/', registry: 'docker.io' },
    { key: 'docker.io', registry: 'docker.io' },
    { key: 'registry-1.docker.io', registry: 'docker.io' },
  ])('are found for $registry under $key', async ({ key, registry }) => {
    await write(dockerFile, { auths: { 'other.example': auth('x', 'y'), [key]: auth('alice', 'a:b') } });
    expect(await open().find(registry)).toEqual(secret('alice', 'a:b'));
    expect(await open().find('reg.example:1')).toBeUndefined();
  });

  it.each([
    {
      entry: { identitytoken: 'forever', ...auth('alice', '') },
      credentials: { identityToken: 'forever', account: 'alice' },
    },
    { entry: { identitytoken: 'forever' }, credentials: { identityToken: 'forever' } },
    { entry: auth('<token>', 'forever'), credentials: { identityToken: 'forever' } },
    { entry: { registrytoken: 'ready' }, credentials: { registryToken: 'ready' } },
    { entry: { username: 'alice', password: 'pw' }, credentials: secret('alice', 'pw') },
    { entry: { auth: Buffer.from('alice:pw\0\0').toString('base64') }, credentials: secret('alice', 'pw') },
    { entry: {}, credentials: undefined },
    { entry: { auth: 'bm9jb2xvbg==' }, credentials: undefined },
  ])('may be $entry', async ({ entry, credentials }) => {
    await write(dockerFile, { auths: { 'reg.example': entry } });
    expect(await open().find('reg.example')).toEqual(credentials);
  });

  it('are those of the closest namespace', async () => {
    const file = join(home.path, 'run/containers/auth.json');
    const auths = {
      'reg.example': auth('all', '1'),
      'reg.example/team': auth('team', '2'),
      'reg.example/team/app': auth('app', '3'),
    };
    await write(file, { auths });
    expect(await open().find('reg.example', 'team/app')).toEqual(secret('app', '3'));
    expect(await open().find('reg.example', 'team/app2')).toEqual(secret('team', '2'));
    expect(await open().find('reg.example', 'teams')).toEqual(secret('all', '1'));
    expect(await open().find('reg.example')).toEqual(secret('all', '1'));
  });

  it('are the closest ones, whichever file they are in', async () => {
    await write(dockerFile, { auths: { 'reg.example': auth('all', '1') }, credsStore: 'test' });
    await write(join(home.path, 'run/containers/auth.json'), {
      auths: { 'reg.example/team': auth('team', '2') },
    });
    await installHelper('test', { 'reg.example': { Username: 'helped', Secret: '3' } });
    expect(await open().find('reg.example', 'team/app')).toEqual(secret('team', '2'));
    expect(await open().find('reg.example', 'other')).toEqual(secret('helped', '3'));
  });

  it("are docker's before podman's", async () => {
    const places = [
      dockerFile,
      join(home.path, 'run/containers/auth.json'),
      join(home.path, '.config/containers/auth.json'),
    ];
    for (const place of places) await write(place, { auths: { r: auth(place, 'x') } });
    for (const place of places) {
      expect(await open().find('r')).toEqual(secret(place, 'x'));
      await rm(place);
    }
  });

  it('are only those of a file that is named', async () => {
    await write(dockerFile, { auths: { r: auth('docker', 'x') } });
    const named = join(home.path, 'named.json');
    await write(named, { auths: { r: auth('named', 'x') } });
    expect(await open({ authFile: named }).find('r')).toEqual(secret('named', 'x'));
    expect(await open({ authFile: join(home.path, 'none') }).find('r')).toBeUndefined();
    expect(await open({ env: { ...env, REGISTRY_AUTH_FILE: named } }).find('r')).toEqual(
      secret('named', 'x'),
    );
    await write(join(home.path, 'elsewhere/config.json'), { auths: { r: auth('elsewhere', 'x') } });
    const elsewhere = { ...env, DOCKER_CONFIG: join(home.path, 'elsewhere') };
    expect(await open({ env: elsewhere }).find('r')).toEqual(secret('elsewhere', 'x'));
  });

  it('are not shown when the file is broken', async () => {
    await write(dockerFile, '{"auths": {"r": {"auth": "c2VjcmV0"');
    const failed = open().find('r');
    await expect(failed).rejects.toThrow(
      `cannot read credentials from ${dockerFile}: it is not a JSON object`,
    );
    await expect(failed).rejects.not.toThrow('c2VjcmV0');
  });
});

describe('credential helpers', () => {
  it('are asked for all registries, and for docker.io under its old name', async () => {
    await installHelper('test', {
      'reg.example': { ServerURL: 'reg.example', Username: 'alice', Secret: 'pw' },
      'https://index.docker.io/v1/': { Username: '<token>', Secret: 'forever' },
    });
    await write(dockerFile, { credsStore: 'test', auths: { 'reg.example': {}, inline: auth('in', 'file') } });
    expect(await open().find('reg.example')).toEqual(secret('alice', 'pw'));
    expect(await open().find('docker.io')).toEqual({ identityToken: 'forever' });
    expect(await open().find('inline')).toEqual(secret('in', 'file'));
    expect(await open().find('nobody')).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it('of one registry are asked for that alone', async () => {
    await installHelper('one', { 'reg.example': { Username: 'alice', Secret: 'pw' } });
    await write(dockerFile, { credHelpers: { 'reg.example': 'one' } });
    expect(await open().find('reg.example')).toEqual(secret('alice', 'pw'));
    expect(await open().find('other.example')).toBeUndefined();
    expect(await readFile(join(home.path, 'asked'), 'utf8')).toBe('get reg.example\n');
  });

  it('that are not installed stop nobody', async () => {
    await write(dockerFile, { credsStore: 'desktop' });
    const store = open();
    expect(await store.find('reg.example')).toBeUndefined();
    expect(await store.find('reg.example')).toBeUndefined();
    expect(notes).toEqual([
      `docker-credential-desktop is not installed, which ${dockerFile} names: going on without saved credentials`,
    ]);
  });

  it.each([
    {
      script: '#!/bin/sh\necho broken >&2; exit 3\n',
      why: 'docker-credential-bad has no credentials for r: broken',
    },
    { script: '#!/bin/sh\necho hello\n', why: 'docker-credential-bad answered something that is not JSON' },
  ])('that fail say so: $why', async ({ script, why }) => {
    await writeFile(join(home.path, 'docker-credential-bad'), script, { mode: 0o755 });
    await write(dockerFile, { credsStore: 'bad' });
    await expect(open().find('r')).rejects.toThrow(why);
  });

  it('have names only, no paths', async () => {
    await write(dockerFile, { credsStore: '../evil' });
    await expect(open().find('r')).rejects.toThrow('not a name of a credential helper');
  });
});

describe('saving', () => {
  it('makes a file that is for its owner only', async () => {
    const saved = await open().save('reg.example', secret('alice', 'pw'));
    expect(saved).toEqual({ place: dockerFile, clear: true });
    expect((await stat(dockerFile)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(dockerFile))).mode & 0o777).toBe(0o700);
    expect(await open().find('reg.example')).toEqual(secret('alice', 'pw'));
  });

  it('keeps everything else, and hides what others could read', async () => {
    await write(dockerFile, { psFormat: 'x', auths: { other: auth('o', 'p') }, credHelpers: { z: 'q' } });
    await chmod(dockerFile, 0o644);
    await open().save('docker.io', secret('alice', 'pw'));
    await open().save('docker.io', { identityToken: 'forever', account: 'alice' });
    expect(JSON.parse(await readFile(dockerFile, 'utf8'))).toEqual({
      psFormat: 'x',
      auths: {
        other: auth('o', 'p'),
        'https://index.docker.io/v1/': { ...auth('alice', ''), identitytoken: 'forever' },
      },
      credHelpers: { z: 'q' },
    });
    expect((await stat(dockerFile)).mode & 0o777).toBe(0o600);
  });

  it("writes docker.io as podman does into podman's file", async () => {
    const authFile = join(home.path, 'auth.json');
    await open({ authFile }).save('docker.io', secret('alice', 'pw'));
    expect(JSON.parse(await readFile(authFile, 'utf8'))).toEqual({
      auths: { 'docker.io': auth('alice', 'pw') },
    });
  });

  it('gives secrets to the helper, and to nobody else', async () => {
    await installHelper('test');
    await write(dockerFile, { credsStore: 'test' });
    expect(await open().save('reg.example', secret('alice', 'pw'))).toEqual({
      place: 'docker-credential-test',
      clear: false,
    });
    expect(JSON.parse(await readFile(join(home.path, 'stored'), 'utf8'))).toEqual({
      ServerURL: 'reg.example',
      Username: 'alice',
      Secret: 'pw',
    });
    expect(JSON.parse(await readFile(dockerFile, 'utf8'))).toEqual({
      credsStore: 'test',
      auths: { 'reg.example': {} },
    });
  });

  it('fails without the helper that should keep them', async () => {
    await write(dockerFile, { credsStore: 'desktop' });
    await expect(open().save('reg.example', secret('alice', 'pw'))).rejects.toThrow(
      `docker-credential-desktop is not installed; install it, or take "credsStore" or "credHelpers" out of ${dockerFile}`,
    );
  });

  it('leaves a broken file as it is', async () => {
    await write(dockerFile, 'oops');
    await expect(open().save('r', secret('a', 'b'))).rejects.toThrow('it is not a JSON object');
    expect(await readFile(dockerFile, 'utf8')).toBe('oops');
  });
});

describe('a part of a registry', () => {
  it('has credentials of its own, which no helper gets', async () => {
    await write(dockerFile, { auths: { 'reg.example': auth('all', '1') }, credsStore: 'test' });
    await installHelper('test');
    expect(await open().save('reg.example/team', secret('team', '2'))).toEqual({
      place: dockerFile,
      clear: true,
    });
    expect(await open().find('reg.example', 'team/app')).toEqual(secret('team', '2'));
    expect(await open().find('reg.example', 'other')).toEqual(secret('all', '1'));
    expect(await open().erase('reg.example/team')).toEqual([dockerFile]);
    expect(JSON.parse(await readFile(dockerFile, 'utf8')).auths).toEqual({ 'reg.example': auth('all', '1') });
  });
});

describe('erasing', () => {
  it('takes a registry out of the file', async () => {
    await write(dockerFile, { auths: { 'https://reg.example/v2/': auth('a', 'b'), other: auth('o', 'p') } });
    expect(await open().erase('reg.example')).toEqual([dockerFile]);
    expect(JSON.parse(await readFile(dockerFile, 'utf8'))).toEqual({ auths: { other: auth('o', 'p') } });
    expect(await open().erase('reg.example')).toEqual([]);
  });

  it('takes it out of the helper', async () => {
    await installHelper('test', { 'reg.example': { Username: 'alice', Secret: 'pw' } });
    await write(dockerFile, { credsStore: 'test', auths: { 'reg.example': {} } });
    expect(await open().erase('reg.example')).toEqual(['docker-credential-test']);
    expect(await open().find('reg.example')).toBeUndefined();
    expect(JSON.parse(await readFile(dockerFile, 'utf8'))).toEqual({ credsStore: 'test', auths: {} });
  });
});
