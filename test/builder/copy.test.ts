import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BenchImage, BuildBench } from './build-bench.js';

let bench: BuildBench;
beforeEach(() => {
  bench = new BuildBench({
    'a.txt': 'a',
    'b.txt': 'b',
    'run.sh': { text: '#!', mode: 0o4755 },
    'd/one': '1',
    'd/sub/two': '2',
    'd/sub/three.md': '3',
    'e/four': '4',
  });
});
afterEach(() => bench[Symbol.dispose]());

/** `path` and a slash for directories; `path=text`; `path -> target`. */
function tree({ files }: BenchImage): string[] {
  return [...files.values()].map((entry) => {
    if (entry.type === 'directory') return `${entry.path}/`;
    if (entry.type === 'symlink') return `${entry.path} -> ${entry.linkName}`;
    if (entry.type === 'hardlink') return `${entry.path} = ${entry.linkName}`;
    return `${entry.path}=${entry.text}`;
  });
}

const BASE = 'FROM scratch\n';

describe('COPY puts', () => {
  it.each<{ copy: string; expected: string[] }>([
    { copy: 'COPY a.txt /x', expected: ['x=a'] },
    { copy: 'COPY a.txt /x/', expected: ['x/', 'x/a.txt=a'] },
    { copy: 'COPY a.txt .', expected: ['a.txt=a'] },
    { copy: 'WORKDIR /w\nCOPY a.txt x', expected: ['w/', 'w/x=a'] },
    { copy: 'WORKDIR /w\nCOPY a.txt ./', expected: ['w/', 'w/a.txt=a'] },
    { copy: 'COPY a.txt b.txt /x', expected: ['x/', 'x/a.txt=a', 'x/b.txt=b'] },
    { copy: 'COPY *.txt /x/', expected: ['x/', 'x/a.txt=a', 'x/b.txt=b'] },
    { copy: 'COPY [ab].t?t /x/', expected: ['x/', 'x/a.txt=a', 'x/b.txt=b'] },
    { copy: 'COPY nothing* /x/', expected: [] },
    { copy: 'COPY ../../a.txt /x', expected: ['x=a'] },
    { copy: 'COPY d /x', expected: ['x/', 'x/one=1', 'x/sub/', 'x/sub/three.md=3', 'x/sub/two=2'] },
    {
      copy: 'COPY d/ e/ /x/',
      expected: ['x/', 'x/four=4', 'x/one=1', 'x/sub/', 'x/sub/three.md=3', 'x/sub/two=2'],
    },
    { copy: 'COPY d/*/two /x', expected: ['x=2'] },
    { copy: 'COPY --exclude=sub d /x', expected: ['x/', 'x/one=1'] },
    { copy: 'COPY --exclude=**/*.md d /x', expected: ['x/', 'x/one=1', 'x/sub/', 'x/sub/two=2'] },
    { copy: 'COPY --exclude=* --exclude=!sub/two d /x', expected: ['x/', 'x/sub/', 'x/sub/two=2'] },
    { copy: 'COPY --parents d/sub/two /x/', expected: ['x/', 'x/d/', 'x/d/sub/', 'x/d/sub/two=2'] },
    { copy: 'COPY --parents d/./sub/two /x/', expected: ['x/', 'x/sub/', 'x/sub/two=2'] },
    { copy: 'COPY --parents **/*.md /x/', expected: ['x/', 'x/d/', 'x/d/sub/', 'x/d/sub/three.md=3'] },
    { copy: 'COPY --link a.txt /x/y/', expected: ['x/', 'x/y/', 'x/y/a.txt=a'] },
    { copy: 'ENV V=vv\nCOPY <<E /x\n$V\n\tz\nE', expected: ['x=vv\n\tz\n'] },
    { copy: "ENV V=vv\nCOPY <<'E' /x\n$V\nE", expected: ['x=$V\n'] },
    { copy: 'COPY <<-E <<F /x/\n\ttab\nE\nf\nF', expected: ['x/', 'x/E=tab\n', 'x/F=f\n'] },
    { copy: 'COPY ["a.txt", "/with blank"]', expected: ['with blank=a'] },
  ])('$copy', async ({ copy, expected }) => {
    expect(tree(await bench.build(`${BASE}${copy}\n`))).toEqual(expected);
  });

  it('a link of the source as what it leads to, and links in directories as links', async () => {
    symlinkSync('../a.txt', join(bench.context, 'd/link'));
    symlinkSync('d', join(bench.context, 'to-d'));
    const image = await bench.build(`${BASE}COPY d/link /x\nCOPY to-d /y\n`);
    expect(tree(image)).toEqual(expect.arrayContaining(['x=a', 'y/link -> ../a.txt', 'y/one=1']));
  });

  it('names of one file as hard links', async () => {
    linkSync(join(bench.context, 'd/one'), join(bench.context, 'd/sub/again'));
    const image = await bench.build(`${BASE}COPY d /x\n`);
    expect(tree(image)).toContain('x/sub/again = x/one');
  });

  it('nothing that is ignored, but what is brought back', async () => {
    const image = await bench.build(`${BASE}COPY . /x\n`, { ignore: '*\n!d/sub/*.md\n' });
    expect(tree(image)).toEqual(['x/', 'x/d/', 'x/d/sub/', 'x/d/sub/three.md=3']);
  });
});

describe('COPY on top of files', () => {
  const from = (text: string) => `FROM scratch AS base\n${text}\nFROM base\n`;

  it('follows links of the destination inside the root', async () => {
    mkdirSync(join(bench.context, 'l'));
    symlinkSync('/real/place', join(bench.context, 'l/here'));
    const image = await bench.build(`${BASE}COPY l /\nCOPY a.txt /here/\nCOPY b.txt /here/deep/x\n`);
    expect(tree(image)).toEqual([
      'here -> /real/place',
      'real/',
      'real/place/',
      'real/place/a.txt=a',
      'real/place/deep/',
      'real/place/deep/x=b',
    ]);
  });

  it('replaces the link itself with COPY --link', async () => {
    mkdirSync(join(bench.context, 'l'));
    symlinkSync('/real', join(bench.context, 'l/here'));
    const image = await bench.build(`${BASE}COPY l /\nCOPY --link a.txt /here/\n`);
    expect(tree(image)).toEqual(['here/', 'here/a.txt=a']);
  });

  it('keeps the mode of a directory that is there, and gives those inside the mode of the source', async () => {
    execFileSync('chmod', ['700', join(bench.context, 'd'), join(bench.context, 'd/sub')]);
    const image = await bench.build(`${from('COPY e /x\nCOPY e /x/sub/')}COPY d /x\n`);
    expect(image.files.get('x')?.mode).toBe(0o755);
    expect(image.files.get('x/sub')?.mode).toBe(0o700);
  });

  it('writes directories above with what they are', async () => {
    const image = await bench.build(`${from('COPY --chmod=1777 d /x/')}COPY a.txt /x/sub/\n`);
    expect(image.files.get('x/sub')?.mode).toBe(0o1777);
  });

  it.each([
    { over: 'COPY d /x\nCOPY a.txt /y/x\nCOPY e /y/x', message: 'no directory' },
    { over: 'COPY d /one\nCOPY d /z', into: 'COPY a.txt /z/sub2\nCOPY e /z/sub2', message: 'no directory' },
  ])('refuses what cannot be: $message', async ({ over, into = '' }) => {
    await expect(bench.build(`${BASE}${over}\n${into}\n`)).rejects.toThrow(/directory/);
  });
});

describe('owners and modes', () => {
  const PASSWD = 'root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n';

  it.each([
    { flags: '', uid: 0, gid: 0, mode: 0o4755 },
    { flags: '--chown=5', uid: 5, gid: 5, mode: 0o4755 },
    { flags: '--chown=5:6', uid: 5, gid: 6, mode: 0o4755 },
    { flags: '--chown=web', uid: 33, gid: 34, mode: 0o4755 },
    { flags: '--chown=web:staff', uid: 33, gid: 50, mode: 0o4755 },
    { flags: '--chown=:staff', uid: 0, gid: 50, mode: 0o4755 },
    { flags: '--link --chown=web', uid: 33, gid: 34, mode: 0o4755 },
    { flags: '--chmod=600', uid: 0, gid: 0, mode: 0o600 },
    { flags: '--chmod=u=rw,go=r', uid: 0, gid: 0, mode: 0o644 },
  ])('$flags', async ({ flags, ...expected }) => {
    bench.write({ 'etc/passwd': PASSWD, 'etc/group': 'root:x:0:\nstaff:x:50:\n' });
    const image = await bench.build(`${BASE}COPY etc /etc\nCOPY ${flags} run.sh /x\n`);
    expect(image.files.get('x')).toMatchObject(expected);
  });

  it('refuses a name that nobody has', async () => {
    await expect(bench.build(`${BASE}COPY --chown=nobody a.txt /x\n`)).rejects.toThrow(
      'there is no user "nobody" in /etc/passwd of the image',
    );
  });

  it('are kept from another stage, unless they are given', async () => {
    const text =
      'FROM scratch AS a\nCOPY --chown=5:6 a.txt /x\nFROM scratch\nCOPY --from=a x /\nCOPY --from=0 --chown=7 x /y\n';
    const image = await bench.build(text);
    expect(image.files.get('x')).toMatchObject({ uid: 5, gid: 6 });
    expect(image.files.get('y')).toMatchObject({ uid: 7, gid: 7 });
  });

  it('of a directory that WORKDIR makes are those of the user', async () => {
    const image = await bench.build(`${BASE}USER 5:6\nWORKDIR /p/q\nWORKDIR r\n`);
    expect(image.files.get('p/q/r')).toMatchObject({ uid: 5, gid: 6, mode: 0o755 });
    expect(image.config.config?.WorkingDir).toBe('/p/q/r');
  });
});

describe('ADD', () => {
  it.each(['-cf', '-czf', '-cJf', '-cjf'])('unpacks an archive made with tar %s', async (flag) => {
    const archive = join(bench.context, 'x.tar');
    execFileSync('tar', ['-C', bench.context, '--owner=5', '--group=6', flag, archive, 'd']);
    const image = await bench.build(`${BASE}ADD x.tar /to\n`);
    expect(tree(image)).toEqual([
      'to/',
      'to/d/',
      'to/d/one=1',
      'to/d/sub/',
      'to/d/sub/three.md=3',
      'to/d/sub/two=2',
    ]);
    expect(image.files.get('to/d/one')).toMatchObject({ uid: 5, gid: 6 });
  });

  it('keeps an archive with --unpack=false, and what is none', async () => {
    execFileSync('tar', ['-C', bench.context, '-cf', join(bench.context, 'x.tar'), 'd']);
    const image = await bench.build(`${BASE}ADD --unpack=false x.tar /to/\nADD a.txt /\n`);
    expect([...image.files.keys()]).toEqual(['a.txt', 'to', 'to/x.tar']);
  });
});

describe('what is not there', () => {
  it('is said of a link that leads nowhere', async () => {
    symlinkSync('nowhere', join(bench.context, 'd/dangling'));
    await expect(bench.build(`${BASE}COPY d/* /x/\n`)).rejects.toThrow(
      '"d/dangling" is a symbolic link to "nowhere", which is not in the context',
    );
  });

  it.each([
    { text: 'COPY missing /x', message: '"missing" was not found in the context' },
    { text: 'COPY --from=nowhere a /x', message: 'no such image: nowhere' },
  ])('$text', async ({ text, message }) => {
    await expect(bench.build(`${BASE}${text}\n`)).rejects.toThrow(message);
  });
});
