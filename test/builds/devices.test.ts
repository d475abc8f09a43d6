import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { asUser } from '../support/ordinary-user.js';
import { cleanEnvironment, run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

let place: BuildPlace;
let specs: string;

beforeAll(async () => {
  place = await BuildPlace.create('devices');
  await place.berth('import', await writeBusyboxRoot(place.folder), 'base:latest');
  specs = join(await place.context({ 'spec/none': '' }), 'spec');
  const hook = place.path('hook');
  await writeFile(hook, `#!/bin/sh\ncat > ${place.path('hooked')}\n`);
  await chmod(hook, 0o755);
  await writeFile(place.path('driver.conf'), 'of the driver');
  const edits = {
    env: ['DEVICE=here'],
    deviceNodes: [{ path: '/dev/endless', hostPath: '/dev/zero', permissions: 'r' }],
    mounts: [{ hostPath: place.path('driver.conf'), containerPath: '/opt/driver/driver.conf' }],
    additionalGids: [4321],
  };
  const devices = [
    { name: 'plain', containerEdits: edits },
    {
      name: 'half',
      containerEdits: {
        deviceNodes: [{ path: '/dev/half', hostPath: '/dev/fuse', permissions: 'r' }],
      },
    },
    {
      name: 'hooked',
      containerEdits: { hooks: [{ hookName: 'createRuntime', path: hook, args: ['hook'] }] },
    },
  ];
  const spec = { cdiVersion: '0.7.0', kind: 'example.com/thing', devices };
  await writeFile(join(specs, 'thing.json'), JSON.stringify(spec));
});
afterAll(() => place[Symbol.asyncDispose]());

const flags = () => ['--cdi-spec-dir', specs, '--allow', 'device=example.com/thing'];
const LOOK =
  'head -c 4 /dev/endless | wc -c > /look; echo $DEVICE >> /look; cat /opt/driver/driver.conf >> /look; id -G >> /look';

describe('RUN --device', () => {
  it('has what the device needs, and nothing of it in the layer', async () => {
    const context = await place.context({
      Dockerfile: `FROM base\nENV DEVICE=of-the-image\nRUN --device=example.com/thing=plain ${LOOK}\n`,
    });
    const out = place.path('out');
    await place.berth('build', '-q', ...flags(), '-o', out, context);
    expect(await readFile(join(out, 'look'), 'utf8')).toMatch(/^4\nhere\nof the driver.*4321/s);
    expect(await run(['ls', '-A', out])).not.toMatch(/opt/);
    expect(await run(['ls', '-A', join(out, 'dev')])).toBe('');
  });

  it.runIf(existsSync('/dev/fuse'))('may do with it what the description says, and no more', async () => {
    const context = await place.context({
      Dockerfile: `FROM base
RUN --device=example.com/thing=half : < /dev/half
RUN --device=example.com/thing=half if sh -c ': > /dev/half'; then exit 1; fi
RUN test ! -e /dev/half
`,
    });
    await place.berth('build', '-q', ...flags(), context);
  });

  it('has its hooks run', async () => {
    const context = await place.context({
      Dockerfile: 'FROM base\nRUN --device=example.com/thing=hooked true\n',
    });
    await place.berth('build', '-q', ...flags(), context);
    expect(JSON.parse(await readFile(place.path('hooked'), 'utf8'))).toMatchObject({
      status: expect.any(String),
    });
  });

  it('does without it, unless it is required or not allowed', async () => {
    const optional = await place.context({ Dockerfile: 'FROM base\nRUN --device=example.com/none=1 true\n' });
    await place.berth('build', '-q', ...flags(), optional);
    const required = await place.context({
      Dockerfile: 'FROM base\nRUN --device=example.com/none=1,required true\n',
    });
    const failure = await place.failure('build', ...flags(), required);
    expect(failure.code).toBe(1);
    expect(failure.stderr).toContain('this machine has no device example.com/none=1');
    expect(failure.stderr).toContain('Dockerfile:2');
    const forbidden = await place.context({
      Dockerfile: 'FROM base\nRUN --device=example.com/thing=plain id\n',
    });
    const refused = await place.failure('build', '--cdi-spec-dir', specs, forbidden);
    expect(refused.stderr).toContain('build with --allow device=example.com/thing=plain');
    expect((await place.failure('build', '--allow', 'everything', optional)).stderr).toContain(
      '--allow everything',
    );
  });

  it('is a step of its own in the cache', async () => {
    const text = (device: string) => `FROM base\nRUN ${device}echo $DEVICE > /x\n`;
    const ids: string[] = [];
    for (const device of ['', '--device=example.com/thing=plain ', '--device=example.com/thing=plain ']) {
      const context = await place.context({ Dockerfile: text(device) });
      ids.push(await place.berth('build', '-q', ...flags(), context));
    }
    expect(ids[1]).not.toBe(ids[0]);
    expect(ids[2]).toBe(ids[1]);
  });
});

describe.runIf(process.getuid?.() === 0)('an ordinary user', () => {
  const user = `berth-d${randomInt(1e6)}`;
  beforeAll(async () => void (await run(['useradd', '--create-home', user])));
  afterAll(async () => void (await run(['userdel', '--remove', user])));

  it('has devices too', async () => {
    const as = asUser(user);
    const home = `/home/${user}`;
    const env = cleanEnvironment({ HOME: home, TMPDIR: home, BERTH_ROOT: `${home}/root` });
    await cp(place.path('busybox-root.tar'), `${home}/base.tar`);
    const edits = { env: ['DEVICE=here'], deviceNodes: [{ path: '/dev/endless', hostPath: '/dev/zero' }] };
    const spec = {
      cdiVersion: '0.7.0',
      kind: 'example.com/thing',
      devices: [{ name: '0', containerEdits: edits }],
    };
    await run(['mkdir', `${home}/cdi`]);
    await writeFile(`${home}/cdi/thing.json`, JSON.stringify(spec));
    await writeFile(
      `${home}/Dockerfile`,
      `FROM base\nRUN --device=example.com/thing head -c 4 /dev/endless | wc -c\n`,
    );
    await run([...as, BERTH, 'import', `${home}/base.tar`, 'base:latest'], { env });
    const options = ['--cdi-spec-dir', `${home}/cdi`, '--allow', 'device'];
    await run([...as, BERTH, 'build', '-q', ...options, home], { env });
  });
});
