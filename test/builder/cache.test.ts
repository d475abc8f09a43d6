import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuildBench } from './build-bench.js';

let bench: BuildBench;
beforeEach(() => {
  bench = new BuildBench({ 'd/a': 'one', 'd/sub/b': 'two', other: 'x' });
});
afterEach(() => bench[Symbol.dispose]());

const at = (path: string) => join(bench.context, path);
/** Long enough for a file not to be taken for one that may change again unseen. */
const settle = () => setTimeout(80);

describe('COPY of a directory', () => {
  const FILE = 'FROM scratch\nCOPY d /d/\n';

  it.each<{ change: string; expected: '=' | '+'; make: () => void }>([
    { change: 'nothing', expected: '=', make: () => {} },
    { change: 'times of a file', expected: '=', make: () => utimesSync(at('d/a'), 5, 5) },
    { change: 'times of a directory', expected: '=', make: () => utimesSync(at('d/sub'), 5, 5) },
    { change: 'content', expected: '+', make: () => writeFileSync(at('d/a'), 'longer') },
    {
      change: 'content, with the same size and time',
      expected: '+',
      make: () => {
        const { atime, mtime } = statSync(at('d/a'));
        writeFileSync(at('d/a'), 'eno');
        utimesSync(at('d/a'), atime, mtime);
      },
    },
    { change: 'the same content again', expected: '=', make: () => writeFileSync(at('d/a'), 'one') },
    { change: 'mode of a file', expected: '+', make: () => chmodSync(at('d/a'), 0o755) },
    { change: 'mode of a directory', expected: '+', make: () => chmodSync(at('d/sub'), 0o700) },
    { change: 'mode of the directory that is merged', expected: '=', make: () => chmodSync(at('d'), 0o700) },
    { change: 'a name', expected: '+', make: () => renameSync(at('d/a'), at('d/z')) },
    { change: 'an empty directory', expected: '+', make: () => mkdirSync(at('d/empty')) },
    { change: 'a file less', expected: '+', make: () => rmSync(at('d/a')) },
    {
      change: 'two files that become one with two names',
      expected: '+',
      make: () => {
        rmSync(at('d/sub/b'));
        linkSync(at('d/a'), at('d/sub/b'));
      },
    },
    { change: 'a link instead of a file', expected: '+', make: () => relink() },
    { change: 'a file that is not copied', expected: '=', make: () => writeFileSync(at('other'), 'changed') },
  ])('$expected after a change of $change', async ({ expected, make }) => {
    await settle();
    await bench.build(FILE);
    make();
    expect((await bench.build(FILE)).steps).toEqual([`${expected}COPY d /d/`]);
  });

  describe('of many files', () => {
    const MANY = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`d/${i}`, `file ${i}`]));
    const changed = () => writeFileSync(at('d/75'), `changed ${Math.random()}`);
    const damaged = () => {
      for (const { parentPath, name } of readdirSync(join(bench.root, 'store'), {
        recursive: true,
        withFileTypes: true,
      })) {
        const path = join(parentPath, name);
        const bytes = name.length === 64 ? readFileSync(path) : Buffer.alloc(0);
        const start = bytes.indexOf('file 20');
        if (start < 0) continue;
        chmodSync(path, 0o600);
        bytes.write('WRONG', start);
        writeFileSync(path, bytes);
      }
    };

    it.each<{ what: string; make: () => void }>([
      { what: 'one changed', make: changed },
      {
        what: 'one is gone, one new, one moved',
        make: () => {
          rmSync(at('d/3'));
          renameSync(at('d/4'), at('d/5'));
          writeFileSync(at('d/new'), 'new');
        },
      },
      {
        what: 'one changed, and the layer of before is damaged',
        make: () => {
          changed();
          damaged();
        },
      },
      {
        what: 'one changed, and the layer of before is gone',
        make: () => {
          changed();
          bench.dropLayers();
        },
      },
    ])('makes the layer that it would without a cache: $what', async ({ make }) => {
      bench.write(MANY);
      await settle();
      await bench.build(FILE);
      make();
      const again = await bench.build(FILE);
      expect(again.steps).toEqual(['+COPY d /d/']);
      const anew = await bench.build(FILE, { noCache: 'all' });
      expect(again.layers).toEqual(anew.layers);
      expect(again.files.get('d/20')?.text).toBe('file 20');
    });
  });

  function relink(): void {
    rmSync(at('d/a'));
    symlinkSync('sub/b', at('d/a'));
  }

  it('with --parents depends on the directories above', async () => {
    const file = 'FROM scratch\nCOPY --parents d/sub/b /x/\n';
    await bench.build(file);
    chmodSync(at('d'), 0o700);
    const again = await bench.build(file);
    expect(again.steps).toEqual(['+COPY --parents d/sub/b /x/']);
    expect(again.files.get('x/d')?.mode).toBe(0o700);
    chmodSync(bench.context, 0o700);
    expect((await bench.build(file)).steps).toEqual(['=COPY --parents d/sub/b /x/']);
  });

  it('is right when a file changes right after it was read', async () => {
    for (let i = 0; i < 5; i += 1) {
      writeFileSync(at('d/a'), `n${i}`);
      expect((await bench.build(FILE)).files.get('d/a')?.text).toBe(`n${i}`);
    }
  });

  it.each(['__proto__', 'constructor', 'toString'])('is found again with a file called %s', async (name) => {
    bench.write({ [name]: 'x' });
    await settle();
    await bench.build('FROM scratch\nCOPY . /all/\n');
    expect((await bench.build('FROM scratch\nCOPY . /all/\n')).steps).toEqual(['=COPY . /all/']);
  });

  it('comes back to an earlier result', async () => {
    await bench.build(FILE);
    writeFileSync(at('d/a'), 'two');
    await bench.build(FILE);
    writeFileSync(at('d/a'), 'one');
    expect((await bench.build(FILE)).steps).toEqual(['=COPY d /d/']);
  });

  it('is made again when its layer is gone', async () => {
    await bench.build(FILE);
    bench.dropLayers();
    const again = await bench.build(FILE);
    expect(again.steps).toEqual(['+COPY d /d/']);
    expect(again.files.get('d/a')?.text).toBe('one');
  });
});

describe('steps', () => {
  it('are looked up each by itself: what comes after a miss may be a hit', async () => {
    const text = 'FROM scratch AS a\nCOPY d /d/\nFROM scratch\nCOPY --from=a /d/sub /s\nRUN f x\n';
    await bench.build(text);
    writeFileSync(at('d/a'), 'changed');
    expect((await bench.build(text)).steps).toEqual(['+COPY d /d/', '=COPY --from=a /d/sub /s', '=RUN f x']);
  });

  it('do not notice comments, labels and the command', async () => {
    await bench.build('FROM scratch\nLABEL a=1\nRUN f x\nCMD ["a"]\n');
    const again = await bench.build('# new\nFROM scratch\nLABEL a=2\nRUN f x\nCMD ["b"]\n');
    expect(again.steps).toEqual(['=RUN f x']);
  });

  it.each([
    {
      what: 'an ARG that a later RUN could see',
      before: 'ARG V=1\nRUN f x',
      after: 'ARG V=2\nRUN f x',
      hit: '+',
    },
    { what: 'an ARG below', before: 'RUN f x\nARG V=1', after: 'RUN f x\nARG V=2', hit: '=' },
    { what: 'an ENV', before: 'ENV V=1\nRUN f x', after: 'ENV V=2\nRUN f x', hit: '+' },
    { what: 'the user', before: 'RUN f x', after: 'USER 5\nRUN f x', hit: '+' },
    { what: 'the id of a cache mount', before: mounted('id=a'), after: mounted('id=b'), hit: '=' },
    {
      what: 'the target of a cache mount',
      before: mounted('target=/c'),
      after: mounted('target=/e'),
      hit: '+',
    },
  ])('$hit after a change of $what', async ({ before, after, hit }) => {
    await bench.build(`FROM scratch\n${before}\n`);
    expect((await bench.build(`FROM scratch\n${after}\n`)).steps[0]?.[0]).toBe(hit);
  });

  function mounted(option: string): string {
    const target = option.startsWith('target') ? '' : 'target=/c,';
    return `RUN --mount=type=cache,${target}${option} f x`;
  }

  it('do not notice the address of a proxy', async () => {
    const text = 'FROM scratch\nRUN f x\n';
    await bench.build(text, { buildArgs: new Map([['http_proxy', 'http://a']]) });
    const again = await bench.build(text, { buildArgs: new Map([['http_proxy', 'http://b']]) });
    expect(again.steps).toEqual(['=RUN f x']);
    expect(bench.ran[0]?.env).toContain('HTTP_PROXY=http://a');
  });

  it('with a bind mount depend on what it shows', async () => {
    const text = 'FROM scratch\nRUN --mount=type=bind,source=d,target=/m f x\n';
    await bench.build(text);
    writeFileSync(at('other'), 'changed');
    expect((await bench.build(text)).steps[0]?.[0]).toBe('=');
    writeFileSync(at('d/a'), 'changed');
    expect((await bench.build(text)).steps[0]?.[0]).toBe('+');
    chmodSync(at('d'), 0o700);
    expect((await bench.build(text)).steps[0]?.[0]).toBe('+');
  });

  it.each<{ change: string; make: () => void }>([
    { change: 'changes', make: () => writeFileSync(at('d/a'), 'changed') },
    { change: 'comes', make: () => writeFileSync(at('d/new'), '') },
    { change: 'goes', make: () => rmSync(at('d/sub'), { recursive: true }) },
  ])('are not kept when a file that they mount $change meanwhile', async ({ make }) => {
    const text = 'FROM scratch\nRUN --mount=type=bind,source=d,target=/m f x\n';
    bench.whileRunning = make;
    await bench.build(text);
    bench.whileRunning = () => {};
    rmSync(at('d'), { recursive: true });
    bench.write({ 'd/a': 'one', 'd/sub/b': 'two' });
    expect((await bench.build(text)).steps[0]?.[0]).toBe('+');
    expect((await bench.build(text)).steps[0]?.[0]).toBe('=');
  });

  it('are all done again without the cache, and those of a stage without its own', async () => {
    const text = 'FROM scratch AS a\nRUN f x\nFROM scratch AS b\nRUN g y\nCOPY --from=a f /\n';
    await bench.build(text);
    expect((await bench.build(text, { noCache: 'all' })).steps.map(([mark]) => mark)).toEqual([
      '+',
      '+',
      '+',
    ]);
    const partly = await bench.build(text, { noCache: ['a'] });
    expect(partly.steps.toSorted()).toEqual(['+RUN f x', '=COPY --from=a f /', '=RUN g y']);
  });

  it('that are all cached give the same image, to the bit', async () => {
    const text = 'FROM scratch\nCOPY d /d/\nWORKDIR /w\nRUN f x\nCMD ["a"]\n';
    const first = await bench.build(text);
    const second = await bench.build(text);
    expect(second.steps.every(([mark]) => mark === '=')).toBe(true);
    expect(second.config).toEqual(first.config);
  });

  it('linked by COPY do not depend on what is below', async () => {
    await bench.build('FROM scratch\nRUN f x\nCOPY --link d /d/\n');
    const again = await bench.build('FROM scratch\nRUN f y\nCOPY --link d /d/\n');
    expect(again.steps).toEqual(['+RUN f y', '=COPY --link d /d/']);
  });
});

describe('a time for the whole build', () => {
  it('makes equal images of equal input, without any cache', async () => {
    const text = 'FROM scratch\nWORKDIR /w\nCOPY d /d/\nCOPY <<EOF /h\nhi\nEOF\n';
    const options = { epoch: 1_000_000, fileTimes: { seconds: 1_000_000, mode: 'clamp' } } as const;
    const first = await bench.build(text, { ...options, noCache: 'all' });
    utimesSync(at('d/a'), 2_000_000, 2_000_000);
    const second = await bench.build(text, { ...options, noCache: 'all' });
    expect(second.config).toEqual(first.config);
    expect(first.config.created).toBe('1970-01-12T13:46:40.000Z');
    expect([...first.files.values()].every(({ mtime }) => mtime <= 1_000_000)).toBe(true);
  });
});
