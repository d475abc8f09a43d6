import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { digestInLayout } from '../support/oci-layout.js';
import { RegistryReader } from '../support/registry-reader.js';
import { run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
let berth: BerthProcess;

beforeAll(async () => {
  folder = await temporaryFolder('umoci');
  berth = await BerthProcess.start();
});

afterAll(async () => {
  await berth?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

describe('a layout made by umoci', () => {
  it('comes back from the registry unchanged, and unpacks to the same files', async () => {
    const [layout, back] = [join(folder.path, 'layout'), join(folder.path, 'back')];
    const files = join(folder.path, 'files', 'etc');
    await mkdir(join(files, 'deep', 'er'), { recursive: true });
    await writeFile(join(files, 'motd'), 'hello\n');
    await writeFile(join(files, 'deep', 'er', 'größe'), 'ü');
    await run(['umoci', 'init', '--layout', layout]);
    await run(['umoci', 'new', '--image', `${layout}:v1`]);
    await run(['umoci', 'insert', '--image', `${layout}:v1`, '/bin/busybox', '/bin/busybox']);
    await run(['umoci', 'insert', '--image', `${layout}:v1`, files, '/etc']);
    await run(['umoci', 'config', '--image', `${layout}:v1`, '--config.cmd=/bin/busybox']);

    const name = `docker://${berth.address}/umoci/app:v1`;
    await run(['skopeo', 'copy', '--dest-tls-verify=false', `oci:${layout}:v1`, name]);
    await run(['skopeo', 'copy', '--src-tls-verify=false', name, `oci:${back}:v1`]);
    const digest = await digestInLayout(layout, 'v1');
    expect(await digestInLayout(back, 'v1')).toBe(digest);
    expect((await new RegistryReader(berth.url).image('umoci/app', 'v1')).digest).toBe(digest);

    const bundles = [join(folder.path, 'here'), join(folder.path, 'there')];
    await run(['umoci', 'unpack', '--image', `${layout}:v1`, bundles[0] ?? '']);
    await run(['umoci', 'unpack', '--image', `${back}:v1`, bundles[1] ?? '']);
    const roots = bundles.map((bundle) => join(bundle, 'rootfs'));
    expect(await run(['diff', '--recursive', ...roots])).toBe('');
    expect(await run(['diff', '--recursive', files, join(roots[1] ?? '', 'etc')])).toBe('');
  });
});
