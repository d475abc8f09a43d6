import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../support/run.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const ENTRYPOINT = new URL('../../../config/docker-entrypoint', import.meta.url).pathname;
const V2 = '/etc/docker/registry/config.yml';
const V3 = '/etc/distribution/config.yml';
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
  for (const path of [...mounted, OURS, '/usr/bin/berth']) {
    await mkdir(dirname(inside(path)), { recursive: true });
    await writeFile(inside(path), '#!/bin/sh\necho berth "$@"\n');
  }
  await chmod(inside('/usr/bin/berth'), 0o755);
  const script = (await readFile(ENTRYPOINT, 'utf8'))
    .replaceAll('/etc/', inside('/etc/'))
    .replaceAll('exec /usr/bin/berth', `exec ${inside('/usr/bin/berth')}`);
  await writeFile(inside('/usr/bin/registry'), script);
  await symlink(inside('/usr/bin/registry'), inside('/entrypoint.sh'));
  const command = args.map((arg) => arg.replace('/etc/', inside('/etc/')));
  const output = await run(['/bin/sh', inside(as), ...command], { env: { PATH: '/usr/bin:/bin', ...env } });
  return String(output).trim().replaceAll(folder.path, '');
}

describe('the entrypoint of the image', () => {
  it.each<Container & { starts: string }>([
    { args: ['serve'], starts: `berth serve ${OURS}` },
    { args: [], starts: `berth serve ${OURS}` },
    { args: ['serve'], mounted: [V2], starts: `berth serve ${V2}` },
    { args: ['serve'], mounted: [V2, V3], starts: `berth serve ${V3}` },
    { args: [V2], mounted: [V2], starts: `berth serve ${V2}` },
    { args: ['serve', V2], mounted: [V2, V3], starts: `berth serve ${V2}` },
    { args: ['serve', V3], mounted: [V2], starts: `berth serve ${V2}` },
    { args: ['serve', V2], mounted: [V3], starts: `berth serve ${V3}` },
    { args: ['serve', V2], starts: `berth serve ${OURS}` },
    { args: ['serve', '--config', V3], mounted: [V2], starts: `berth serve --config ${V2}` },
    { args: ['serve', '/my own.yaml'], mounted: [V2], starts: 'berth serve /my own.yaml' },
    { args: ['serve'], env: { REGISTRY_CONFIGURATION_PATH: '/x.yml' }, starts: 'berth serve' },
    { args: ['registry', 'serve', V2], mounted: [V2], starts: `berth serve ${V2}` },
    { as: '/usr/bin/registry', args: ['serve', V2], mounted: [V2], starts: `berth serve ${V2}` },
    {
      as: '/usr/bin/registry',
      args: ['garbage-collect', '-m', V2],
      starts: `berth garbage-collect -m ${OURS}`,
    },
    { args: ['garbage-collect'], mounted: [V2], starts: `berth garbage-collect ${V2}` },
    { args: ['--version'], starts: 'berth --version' },
    { args: ['config', 'check', '/a.yml'], starts: 'berth config check /a.yml' },
    { args: ['sh', '-c', 'echo a shell'], starts: 'a shell' },
  ])('$as $args with $mounted: $starts', async ({ starts, ...container }) =>
    expect(await startedBy(container)).toBe(starts),
  );
});
