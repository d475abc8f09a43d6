import { access, chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../support/run.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const ENTRYPOINT = new URL('../../../config/docker-entrypoint', import.meta.url).pathname;
const V2 = '/etc/docker/registry/config.yml';
const V3 = '/etc/distribution/config.yml';
const BERTH = '/usr/lib/berth/src/cli/berth';
const OURS = '/etc/berth/config.yml';

type Container = Readonly<{ args: string[]; mounted?: string[]; env?: Record<string, string>; as?: string }>;

/** What the image would start: its entrypoint, moved into a folder that stands for the root of the image. */
async function startedBy({
  args,
  mounted = [],
  env = {},
  as = '/entrypoint.sh',
}: Container): Promise<string> {
  await using folder = await temporaryFolder('image');
  const inside = (path: string) => join(folder.path, path);
  for (const path of [...mounted, OURS, BERTH]) {
    await mkdir(dirname(inside(path)), { recursive: true });
    await writeFile(inside(path), '#!/bin/sh\necho "$REGISTRY_CONFIGURATION_PATH:" berth "$@"\n');
  }
  await chmod(inside(BERTH), 0o755);
  await mkdir(inside('/usr/bin'));
  const script = (await readFile(ENTRYPOINT, 'utf8'))
    .replaceAll('/etc/', inside('/etc/'))
    .replaceAll(BERTH, inside(BERTH));
  await writeFile(inside('/usr/bin/registry'), script);
  for (const name of ['/usr/bin/berth', '/entrypoint.sh'])
    await symlink(inside('/usr/bin/registry'), inside(name));
  const command = args.map((arg) => arg.replace('/etc/', inside('/etc/')));
  const output = await run(['/bin/sh', inside(as), ...command], { env: { PATH: '/usr/bin:/bin', ...env } });
  return String(output).trim().replaceAll(folder.path, '');
}

describe('the entrypoint of the image', () => {
  it.each<Container & { starts: string }>([
    { args: ['serve'], starts: `${OURS}: berth serve` },
    { args: [], starts: `${OURS}: berth serve` },
    { args: ['serve'], mounted: [V2], starts: `${V2}: berth serve` },
    { args: ['serve'], mounted: [V2, V3], starts: `${V3}: berth serve` },
    { args: [V2], mounted: [V2], starts: `${V2}: berth serve ${V2}` },
    { args: ['serve', V2], mounted: [V2, V3], starts: `${V3}: berth serve ${V2}` },
    { args: ['serve', V3], mounted: [V2], starts: `${V2}: berth serve ${V2}` },
    { args: ['serve', V2], mounted: [V3], starts: `${V3}: berth serve ${V3}` },
    { args: ['serve', V2], starts: `${OURS}: berth serve ${OURS}` },
    { args: ['serve', '--config', V3], mounted: [V2], starts: `${V2}: berth serve --config ${V2}` },
    { args: ['serve', '/my own.yaml'], mounted: [V2], starts: `${V2}: berth serve /my own.yaml` },
    { args: ['serve'], env: { REGISTRY_CONFIGURATION_PATH: '/x.yml' }, starts: '/x.yml: berth serve' },
    { args: ['registry', 'serve', V2], mounted: [V2], starts: `${V2}: berth serve ${V2}` },
    { as: '/usr/bin/registry', args: ['serve', V2], mounted: [V2], starts: `${V2}: berth serve ${V2}` },
    {
      as: '/usr/bin/registry',
      args: ['garbage-collect', '-m', V2],
      starts: `${OURS}: berth garbage-collect -m ${OURS}`,
    },
    { args: ['garbage-collect'], mounted: [V2], starts: `${V2}: berth garbage-collect` },
    { args: ['--version'], starts: `${OURS}: berth --version` },
    { args: ['config', 'check', '/a.yml'], starts: `${OURS}: berth config check /a.yml` },
    { as: '/usr/bin/berth', args: ['index', 'list'], mounted: [V3], starts: `${V3}: berth index list` },
    { as: '/usr/bin/berth', args: ['sh'], starts: `${OURS}: berth sh` },
    { args: ['sh', '-c', 'echo a shell'], starts: 'a shell' },
  ])('$as $args with $mounted: $starts', async ({ starts, ...container }) =>
    expect(await startedBy(container)).toBe(starts),
  );
});

describe('config/Dockerfile', () => {
  it('copies and starts what is there, and what .dockerignore lets in', async () => {
    const root = new URL('../../../', import.meta.url);
    const text = (await readFile(new URL('config/Dockerfile', root), 'utf8')).replaceAll('\\\n', ' ');
    const copied = [...text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    expect(copied).toContain('config/docker-entrypoint');
    const ignore = await readFile(new URL('.dockerignore', root), 'utf8');
    for (const path of copied) {
      await access(new URL(path, root));
      expect(ignore.split('\n')).toContain(`!${path.replace(/^\.\//, '').split('/')[0]}`);
    }
    expect(text).toMatch(/ln -s \/usr\/bin\/registry \/entrypoint\.sh/);
    expect(text).toContain('ENTRYPOINT ["/entrypoint.sh"]');
    expect((await stat(ENTRYPOINT)).mode & 0o111).toBe(0o111);
  });
});
