import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LateCommand } from '../../src/cli/late-command.js';
import { type LoginFlags, login, logout } from '../../src/cli/login.js';
import { openRegistryClient } from '../../src/cli/registries.js';
import {
  addRegistryOptions,
  addSideOptions,
  flagsOfSide,
  type RegistryFlags,
} from '../../src/cli/registry-options.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { FakeRegistry, send } from './fake-registry.js';

const BASIC = `Basic ${Buffer.from('alice:correct horse').toString('base64')}`;

let folder: TemporaryFolder;
let registry: FakeRegistry;
let authFile: string;

beforeEach(async () => {
  folder = await temporaryFolder('login');
  authFile = join(folder.path, 'new/auth.json');
  registry = await FakeRegistry.start();
  registry.intercept = (request, response) => {
    if (request.headers.authorization === BASIC) return false;
    send(response, 401, { 'www-authenticate': 'Basic realm="Team"' });
    return true;
  };
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** What a command printed, and how it failed. */
async function run(work: (terminal: ReturnType<typeof terminalWith>) => Promise<void>, input = '') {
  const terminal = terminalWith(input);
  const failure = await work(terminal).then(
    () => undefined,
    (error: Error) => error.message,
  );
  terminal.output.end();
  terminal.notes.end();
  return { failure, output: await text(terminal.output), notes: await text(terminal.notes) };
}

function terminalWith(input: string) {
  return { input: Readable.from([Buffer.from(input)]), output: new PassThrough(), notes: new PassThrough() };
}

const logIn = (flags: LoginFlags, input = '', name = registry.address) =>
  run((terminal) => login(name, { authFile, ...flags }, terminal), input);

describe('berth login', () => {
  it.each([{ name: (address: string) => address }, { name: (address: string) => `http://${address}/v2/` }])(
    'saves what the registry takes',
    async ({ name }) => {
      const flags = { username: 'alice', passwordStdin: true };
      const { failure, output, notes } = await logIn(flags, 'correct horse\n', name(registry.address));
      expect({ failure, output }).toEqual({ failure: undefined, output: 'Login Succeeded\n' });
      expect(notes).toContain(`what was saved in ${authFile} is not encrypted`);
      expect(JSON.parse(await readFile(authFile, 'utf8'))).toEqual({
        auths: { [registry.address]: { auth: BASIC.slice(6) } },
      });
    },
  );

  it('saves nothing that the registry does not take, and does not print it', async () => {
    const { failure, output, notes } = await logIn({ username: 'alice', password: 'hunter2' });
    expect(failure).toBe(
      `cannot log in to ${registry.address}: it does not take this user name and password`,
    );
    expect(notes).toBe('berth: warning: others may see --password; use --password-stdin\n');
    expect(output).toBe('');
    expect(existsSync(authFile)).toBe(false);
  });

  it.each([
    { flags: { passwordStdin: true }, why: '--password-stdin needs --username' },
    {
      flags: { username: 'a', password: 'b', passwordStdin: true },
      why: 'use --password or --password-stdin, not both',
    },
    { flags: { username: 'a', passwordStdin: true }, why: 'must not be empty' },
    { flags: { username: 'a:b', password: 'c' }, why: 'a user name has no colon' },
    { flags: {}, why: 'no terminal to ask on' },
    { flags: { username: 'alice' }, why: 'no terminal to ask for the password on' },
  ])('refuses $flags: $why', async ({ flags, why }) => {
    expect((await logIn(flags)).failure).toContain(why);
    expect(registry.requests).toEqual([]);
  });

  it.each(['reg.example/team:v1', '-', '', 'a b'])('refuses the registry %j', async (name) => {
    expect((await logIn({ username: 'a', password: 'b' }, '', name)).failure).toContain('not a registry');
  });
});

describe('a namespace', () => {
  it('is logged in to and out of by itself', async () => {
    const name = `${registry.address}/team`;
    await logIn({ username: 'alice', passwordStdin: true }, 'correct horse', name);
    expect(JSON.parse(await readFile(authFile, 'utf8'))).toEqual({
      auths: { [name]: { auth: BASIC.slice(6) } },
    });
    const { output } = await run((terminal) => logout(name, { authFile }, terminal));
    expect(output).toBe(`Removed login credentials for ${name}\n`);
  });
});

describe('berth logout', () => {
  it('forgets what was saved', async () => {
    await logIn({ username: 'alice', passwordStdin: true }, 'correct horse');
    const logOut = () => run((terminal) => logout(registry.address, { authFile }, terminal));
    expect((await logOut()).output).toBe(`Removed login credentials for ${registry.address}\n`);
    expect((await logOut()).output).toBe(`Not logged in to ${registry.address}\n`);
  });
});

describe('registry flags', () => {
  const parse = (...args: readonly string[]) =>
    addSideOptions(addRegistryOptions(new LateCommand().complete()))
      .parse(args, { from: 'user' })
      .opts<RegistryFlags>();

  it('choose credentials', async () => {
    await using client = await openRegistryClient(parse('--creds', 'alice:correct horse'));
    await client.ping(registry.address);
    await using nobody = await openRegistryClient(parse('--auth-file', authFile));
    await expect(nobody.ping(registry.address)).rejects.toThrow('log in with: berth login');
    await using anonymous = await openRegistryClient(parse('--no-creds'));
    await expect(anonymous.ping(registry.address)).rejects.toThrow('log in with: berth login');
    await expect(openRegistryClient(parse('--creds', 'alice'))).rejects.toThrow(
      'no terminal to ask for the password on; give it with the name, as alice:password',
    );
    await expect(openRegistryClient(parse('--creds', ':x'))).rejects.toThrow('user:password');
    const both = parse('--creds', 'alice:x', '--registry-token', 'y');
    await expect(openRegistryClient(both)).rejects.toThrow('not both');
  });

  it('choose trust', async () => {
    await using client = await openRegistryClient(parse('--ca', authFile));
    const failed = client.ping(`0.0.0.0:${registry.port}`);
    await expect(failed).rejects.toThrow(`cannot read the certificate ${authFile}: ENOENT`);
    await using plain = await openRegistryClient(parse('--plain-http', '--creds', 'alice:correct horse'));
    await plain.ping(`0.0.0.0:${registry.port}`);
    await using lax = await openRegistryClient(parse('--tls-verify=false', '--creds', 'alice:correct horse'));
    await lax.ping(`0.0.0.0:${registry.port}`);
    await expect(openRegistryClient(parse('--cert-dir', '/nowhere'))).rejects.toThrow('/nowhere');
  });

  it('choose for either side of a copy', () => {
    const words = '--creds a:1 --dest-creds=b:2 --src-no-creds --src-tls-verify=false --authfile=f';
    const flags = parse(...words.split(' '));
    expect(flagsOfSide(flags, 'src')).toMatchObject({ creds: false, tlsVerify: false, authFile: 'f' });
    expect(flagsOfSide(flags, 'dest')).toMatchObject({ creds: 'b:2', authFile: 'f' });
    expect(flagsOfSide(flags, 'dest')).not.toHaveProperty('tlsVerify');
    const certificates = parse(
      '--cert-dir=both',
      '--src-cert-dir=src',
      '--dest-registry-token=t',
      '--creds=a:1',
    );
    expect(flagsOfSide(certificates, 'src')).toMatchObject({ certDir: 'src', creds: 'a:1' });
    expect(flagsOfSide(certificates, 'dest')).toMatchObject({ certDir: 'both', registryToken: 't' });
    expect(flagsOfSide(certificates, 'dest')).not.toHaveProperty('creds');
  });
});
