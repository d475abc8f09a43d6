import {
  createReadStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Entry, readTar } from '../../src/layer/index.js';
import { lsetxattr } from '../../src/linux/index.js';
import { fileEntry, symlinkEntry, writeLayer } from '../layer/tree.js';
import { afterFailure } from '../support/after-failure.js';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { EngineProcess } from '../support/engine-process.js';
import { NetworkNamespace } from '../support/network-namespace.js';
import { cleanEnvironment, type RunOptions, run } from '../support/run.js';

const XATTRS = new Map([
  // capabilities(7), "File capabilities": of revision 2, CAP_NET_BIND_SERVICE
  ['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')],
  ['user.note', Buffer.from('kept')],
]);

let engine: EngineProcess;
let namespace: NetworkNamespace;

const docker = (...args: readonly string[]) => engine.docker(args);
const at = (...parts: readonly string[]) => engine.path('files', ...parts);

function berth(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const env = cleanEnvironment({ BERTH_ROOT: engine.path('root') });
  return run([...namespace.prefix, BERTH, ...args], { env, cwd: at(), ...options });
}
const inside = (container: string, script: string) => berth(['exec', container, 'sh', '-c', script]);

/** A container that waits, once it has done what is asked of it. */
async function start(name: string, script: string, flags: readonly string[] = []): Promise<void> {
  const command = ['sh', '-c', `${script}; touch /tmp/done; exec sleep 1000`];
  await berth(['run', '-d', '--network', 'none', '--name', name, ...flags, 'box', ...command]);
  await inside(name, 'until [ -e /tmp/done ]; do sleep 0.1; done; rm /tmp/done');
}

beforeAll(async () => {
  namespace = await NetworkNamespace.create();
  engine = await EngineProcess.start({ prefix: namespace.prefix });
  mkdirSync(at());
  await berth(['import', '-c', 'CMD ["sh"]', await writeBusyboxRoot(engine.path()), 'box']);
});

afterFailure(() => engine.clear());
afterAll(async () => {
  await engine?.clear();
  await engine?.[Symbol.asyncDispose]();
  await namespace?.[Symbol.asyncDispose]();
});

describe('files of a container', () => {
  it('are copied in and out, with volumes, while it runs and when it does not', async () => {
    await start('web', 'mkdir -p /srv/sub; echo page > /srv/sub/page; echo v > /vol/v', ['-v', '/vol']);
    expect(await berth(['cp', '-q', 'web:/srv/.', 'out'])).toBe('');
    expect(readFileSync(at('out/sub/page'), 'utf8')).toBe('page\n');
    writeFileSync(at('note'), 'note\n');
    await berth(['cp', 'note', 'web:/vol/']);
    await berth(['cp', 'out', 'web:/srv/copy']);
    expect(await inside('web', 'cat /vol/note /srv/copy/sub/page')).toBe('note\npage\n');
    await berth(['stop', '-t', '0', 'web']);
    await berth(['cp', 'web:/vol/note', 'back']);
    expect(readFileSync(at('back'), 'utf8')).toBe('note\n');
    const tar = await berth(['cp', 'web:/srv/sub', '-']);
    await berth(['cp', '-', 'web:/vol'], { input: tar });
    await berth(['start', 'web']);
    expect(await inside('web', 'cat /vol/sub/page')).toBe('page\n');
    await expect(berth(['cp', 'web:/nosuch', '.'])).rejects.toMatchObject({
      code: 1,
      stderr: 'berth: Could not find the file /nosuch in container web\n',
    });
  });

  it('lead nowhere else, whatever links a container or a tar has', async () => {
    mkdirSync(at('host'));
    writeFileSync(at('host/secret'), 'of the machine');
    await start('evil', `ln -s ${at('host')} /way; ln -s ${at('host/secret')} /to; mkdir -p ${at('host')}`);
    await expect(berth(['cp', '-L', 'evil:/to', 'stolen'])).rejects.toMatchObject({ code: 1 });
    await berth(['cp', 'evil:/to', 'link']);
    expect(readlinkSync(at('link'))).toBe(at('host/secret'));
    writeFileSync(at('given'), 'given');
    await berth(['cp', 'given', 'evil:/way/']);
    expect(await inside('evil', `cat ${at('host/given')}`)).toBe('given');
    const { path: tar } = await writeLayer(at('hostile.tar'), [
      symlinkEntry('tmp/out', at('host')),
      [fileEntry('tmp/out/x', 0), 'x'],
    ]);
    await berth(['cp', '-', 'evil:/'], { input: readFileSync(tar) });
    // What was a directory when it was looked at may be a way out when it is written to.
    const swap = `ln -s ${at('host')} /race; rm /race; mkdir /race; rm -rf /race`;
    await inside('evil', `(while :; do ${swap}; done) </dev/null >/dev/null 2>&1 &`);
    for (let i = 0; i < 3; i += 1) await berth(['cp', 'given', 'evil:/race/']).catch(() => undefined);
    expect(readdirSync(at('host'))).toEqual(['secret']);
    await berth(['rm', '-f', 'evil']);
  });

  it('that were changed are told, and become an image that keeps all of them', async () => {
    const script =
      'echo x >> /etc/passwd; rm /etc/group; echo a > /a; ln /a /b; chown 7:8 /a; chmod 4751 /a; mknod /null c 1 3; ln -s a /l';
    await start('work', script, ['-v', '/vol', '-e', 'A=b']);
    const pid = (await berth(['inspect', '-f', '{{.State.Pid}}', 'work'])).trim();
    for (const [name, value] of XATTRS) lsetxattr(`/proc/${pid}/root/a`, name, value);
    expect(await berth(['diff', 'work'])).toBe(
      ['A /a', 'A /b', 'C /etc', 'D /etc/group', 'C /etc/passwd', 'A /l', 'A /null', 'C /tmp', ''].join('\n'),
    );
    const id = await berth([
      ...['commit', '-a', 'me', '-m', 'what I did', '-c', 'CMD ["cat", "/a"]', '-c', 'LABEL c=d'],
      ...['work', 'img:1'],
    ]);
    expect(id).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    const format =
      '{{json .Config.Env}} {{json .Config.Cmd}} {{.Config.Labels.c}} {{.Author}} {{len .RootFS.Layers}}';
    expect(await berth(['image', 'inspect', '-f', format, 'img:1'])).toBe('["A=b"] ["cat","/a"] d me 2\n');
    await berth(['save', '-o', 'img.tar', 'img:1']);
    await berth(['rmi', '-f', 'img:1']);
    await berth(['load', '-i', 'img.tar']);
    expect(await berth(['run', '--rm', '--network', 'none', 'img:1'])).toBe('a\n');
    const looked = await berth([
      ...['run', '--rm', '--network', 'none', 'img:1', 'sh', '-c'],
      "stat -c '%n %a %u:%g %h %F' /a /b /null; ls /etc; readlink /l",
    ]);
    expect(looked).toBe(
      '/a 4751 7:8 2 regular file\n/b 4751 7:8 2 regular file\n/null 644 0:0 1 character special file\n' +
        'hostname\nhosts\npasswd\nresolv.conf\na\n',
    );
    await berth(['export', '-o', 'work.tar', 'work']);
    await berth(['import', 'work.tar', 'flat']);
    for (const image of ['img:1', 'flat']) {
      await berth(['create', '--name', 'look', '--network', 'none', image, 'true']);
      await berth(['export', '-o', 'look.tar', 'look']);
      await berth(['rm', 'look']);
      const found = new Map<string, Entry>();
      for await (const { entry } of readTar(createReadStream(at('look.tar')))) found.set(entry.path, entry);
      expect(found.get('a')).toMatchObject({ mode: 0o4751, uid: 7, gid: 8, xattrs: XATTRS });
      expect(found.get('b')).toMatchObject({ type: 'hardlink', linkName: 'a' });
      expect(found.get('null')).toMatchObject({ type: 'character', device: { major: 1, minor: 3 } });
      expect(found.has('etc/group')).toBe(false);
    }
  });
});

describe("docker's client, on berth engine", () => {
  it('copies, tells of changes, commits and exports', async () => {
    await start('mine', 'mkdir -p /d/sub; echo one > /d/sub/f; ln -s /d /l');
    await docker('cp', 'mine:/d', at('d'));
    expect(readFileSync(at('d/sub/f'), 'utf8')).toBe('one\n');
    await docker('cp', at('d/.'), 'mine:/new');
    await docker('cp', at('d/sub/f'), 'mine:/l/g');
    expect(await inside('mine', 'cat /new/sub/f /d/g')).toBe('one\none\n');
    await docker('cp', '-L', 'mine:/l/sub', at('followed'));
    expect(lstatSync(at('followed/f')).size).toBe(4);
    const tar = await engine.docker(['cp', 'mine:/d/sub', '-']);
    await engine.docker(['cp', '-', 'mine:/tmp'], { input: tar });
    expect(await inside('mine', 'cat /tmp/sub/f')).toBe('one\n');
    await expect(docker('cp', 'mine:/nosuch', at('x'))).rejects.toMatchObject({
      stderr: expect.stringContaining('Could not find the file /nosuch in container mine'),
    });
    await expect(docker('cp', at('d'), 'mine:/d/g')).rejects.toMatchObject({ code: 1 });
    expect(await docker('diff', 'mine')).toMatch(/^A \/d\nA \/d\/g\nA \/d\/sub\nA \/d\/sub\/f\nA \/l\n/);
    const id = (await docker('commit', '-m', 'note', '-c', 'ENV X=y', 'mine', 'theirs:1')).trim();
    expect(await docker('inspect', '-f', '{{.Id}} {{.Config.Env}}', 'theirs:1')).toBe(`${id} [X=y]\n`);
    await docker('export', '-o', at('mine.tar'), 'mine');
    expect(await run(['tar', '-xOf', at('mine.tar'), 'd/g'])).toBe('one\n');
    expect((await engine.ask('HEAD', '/containers/mine/archive?path=/nosuch')).status).toBe(404);
    const flags = ['--since', '0', '--until', '0s', '-f', 'container=mine', '--format', '{{.Action}}'];
    const actions = async () => (await docker('events', ...flags)).split('\n');
    // The client knows whole seconds: those of the one that has begun are not asked for yet.
    await expect
      .poll(actions)
      .toEqual(expect.arrayContaining(['archive-path', 'extract-to-dir', 'commit', 'export']));
  });
});
