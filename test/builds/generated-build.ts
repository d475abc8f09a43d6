import { chmod, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../support/run.js';

/** A Dockerfile and the context it is for, chosen by a seed. */
export type GeneratedBuild = Readonly<{ seed: number; dockerfile: string; files: readonly ContextFile[] }>;

export type ContextFile = Readonly<{ path: string; mode: number }> &
  (
    | Readonly<{ type: 'file'; content: string }>
    | Readonly<{ type: 'directory' }>
    | Readonly<{ type: 'symlink'; target: string }>
    | Readonly<{ type: 'hardlink'; target: string }>
  );

/** Numbers from 0 below `limit`, the same for the same seed. */
type Random = (limit: number) => number;

const NAMES = ['a', 'b.txt', 'with space', 'ünïcode', 'Upper', '.hidden', 'x'.repeat(120), 'c-1.conf'];
const FILE_MODES = [0o644, 0o755, 0o600, 0o444, 0o640];
const DIRECTORY_MODES = [0o755, 0o750, 0o711];

/** Only what all builders agree on is generated; docs/building.md has the rest. */
export function generateBuild(seed: number, base: string): GeneratedBuild {
  const random = randomFrom(seed);
  const files = contextFiles(random);
  const stages = Array.from({ length: 1 + random(3) }, (_, i) => stage(random, base, files, i));
  return { seed, dockerfile: `${stages.flat().join('\n')}\n`, files };
}

/** Writes the context, with an archive of two files that ADD unpacks. */
export async function writeBuild(directory: string, { dockerfile, files }: GeneratedBuild): Promise<void> {
  for (const file of files) await writeContextFile(join(directory, file.path), file, directory);
  const archive = join(directory, 'archive');
  await mkdir(join(archive, 'inner'), { recursive: true });
  await writeFile(join(archive, 'inner', 'one'), 'one\n');
  await symlink('inner/one', join(archive, 'two'));
  await run([
    'tar',
    '-C',
    archive,
    '--owner=1000',
    '--group=1000',
    '-czf',
    join(directory, 'data.tgz'),
    'inner',
    'two',
  ]);
  await run(['rm', '-r', archive]);
  await writeFile(join(directory, 'Dockerfile'), dockerfile);
  // Modes of directories come last: what is inside had to be written.
  for (const file of files.toReversed()) {
    if (file.type === 'directory') await chmod(join(directory, file.path), file.mode);
  }
}

async function writeContextFile(path: string, file: ContextFile, root: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (file.type === 'directory') return void (await mkdir(path, { recursive: true }));
  if (file.type === 'symlink') return symlink(file.target, path);
  if (file.type === 'hardlink') return link(join(root, file.target), path);
  await writeFile(path, file.content);
  await chmod(path, file.mode);
}

function contextFiles(random: Random): ContextFile[] {
  const tops = ['src', 'conf', 'data'].map((path) => directory(path, random));
  const files = tops.flatMap(({ path: top }) => {
    const names = NAMES.filter(() => random(2) === 0);
    const plain = names.map((name) => file(`${top}/${name}`, random));
    const nested = directory(`${top}/nested`, random);
    const linked = plain[0];
    return [
      ...plain,
      nested,
      file(`${top}/nested/deep`, random),
      { path: `${top}/link`, type: 'symlink', target: 'nested/deep', mode: 0o777 } as const,
      { path: `${top}/dangling`, type: 'symlink', target: '/nowhere/at all', mode: 0o777 } as const,
      { path: `${top}/empty`, type: 'directory', mode: 0o755 } as const,
      ...(linked && random(2) === 0
        ? [{ path: `${top}/twin`, type: 'hardlink', target: linked.path, mode: linked.mode } as const]
        : []),
    ];
  });
  return [...tops, ...files, file('top.txt', random)];
}

function directory(path: string, random: Random): ContextFile {
  return { path, type: 'directory', mode: pick(DIRECTORY_MODES, random) };
}

function file(path: string, random: Random): ContextFile {
  return {
    path,
    type: 'file',
    mode: pick(FILE_MODES, random),
    content: `${path} ${random(1e6)}\n`.repeat(1 + random(50)),
  };
}

function stage(random: Random, base: string, files: readonly ContextFile[], index: number): string[] {
  const from = index > 0 && random(3) === 0 ? `stage${index - 1}` : base;
  const steps = Array.from({ length: 3 + random(8) }, () => instruction(random, files, index));
  return [`FROM ${from} AS stage${index}`, ...steps.flat(), ''];
}

function instruction(random: Random, files: readonly ContextFile[], index: number): string[] {
  const kinds = [
    copy,
    copy,
    add,
    execute,
    execute,
    execute,
    metadata,
    metadata,
    ...(index > 0 ? [copyFrom] : []),
  ];
  return pick(kinds, random)(random, files, index);
}

function copy(random: Random, files: readonly ContextFile[]): string[] {
  const owner = pick(['', '', '--chown=1000:2000 ', '--chown=daemon ', '--chown=7 '], random);
  const plain = files.filter(({ type }) => type === 'file').map(({ path }) => path);
  const sources: (() => string)[] = [
    () => JSON.stringify([pick(plain, random), `/copied/${random(3)}/`]),
    () => `src conf/ /merged${random(2)}/`,
    () => 'data /data',
    () => 'top.txt renamed.txt',
    () => 'conf/nes* conf/*.txt conf/l?nk /globbed/',
    () => 'src/nested/../nested ./relative/',
  ];
  return [`COPY ${owner}${pick(sources, random)()}`];
}

function copyFrom(random: Random, _: readonly ContextFile[], index: number): string[] {
  const stage = random(index);
  return [
    `COPY --from=${pick([`stage${stage}`, String(stage)], random)} ${pick(['/etc /from/etc', '/etc/passwd /from/'], random)}`,
  ];
}

function add(random: Random): string[] {
  return [
    pick(
      ['ADD data.tgz /unpacked', 'ADD data.tgz top.txt /added/', 'ADD --chown=5:6 data.tgz /owned/'],
      random,
    ),
  ];
}

function execute(random: Random): string[] {
  const n = random(3);
  const commands = [
    `mkdir -p /made/${n}/sub && echo ${random(1000)} > /made/${n}/file`,
    `rm -rf /made/${n}`,
    `echo again > /tmp/again${n} && chmod 4755 /tmp/again${n}`,
    `mkdir -p /linked && echo x > /linked/${n} && ln -f /linked/${n} /linked/hard${n} && ln -sf ${n} /linked/soft${n}`,
    `rm -rf /etc/group && mkdir /etc/group && rmdir /etc/group && echo root:x:0: > /etc/group && echo daemon:x:1: >> /etc/group`,
    `rm -rf /replaced; mkdir /replaced && touch /replaced/f${n}`,
    `if [ -d /merged0 ]; then rm -rf /merged0/nested; mv /merged0 /moved${n}; fi`,
    'chown -R 12:34 /made 2>/dev/null; mkfifo /pipe 2>/dev/null; true',
    `echo "$GREETING $NUMBER" > /said${n}`,
    'umask 077 && date -u -d @0 > /dated && touch -d "2001-02-03 04:05:06" /dated',
  ];
  const command = pick(commands, random);
  return [random(4) === 0 ? `RUN ["/bin/sh", "-c", ${JSON.stringify(command)}]` : `RUN ${command}`];
}

function metadata(random: Random): string[] {
  const n = random(5);
  const lines = [
    `ENV GREETING="hello $NUMBER" NUMBER=${n}`,
    `ARG VERSION=${n}\nENV VERSION_WAS=v\${VERSION:-none}`,
    `LABEL maintainer.number=${n} "quoted key"='single $NUMBER'`,
    `WORKDIR /work${n}`,
    'WORKDIR sub/dir',
    'USER 0:0',
    `EXPOSE ${8000 + n} ${53 + n}/udp`,
    `VOLUME ["/volume${n}"]`,
    'STOPSIGNAL SIGINT',
    `HEALTHCHECK --interval=${n + 1}s --retries=2 CMD test -e /made`,
    `CMD ["run", "${n}"]`,
    `CMD echo ${n}`,
    'ENTRYPOINT ["/bin/sh", "-c"]',
    `ONBUILD RUN echo ${n}`,
  ];
  return [pick(lines, random)];
}

function pick<T>(choices: readonly T[], random: Random): T {
  return choices[random(choices.length)] as T;
}

/** mulberry32: small, and good enough to choose with. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
