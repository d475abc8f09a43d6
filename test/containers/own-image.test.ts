import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { http } from '../support/http.js';
import { writeOwnImageSources } from '../support/own-image.js';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;
let registry: BerthProcess;

beforeAll(async () => {
  place = await ContainerPlace.create();
  registry = await BerthProcess.start({ prefix: place.prefix, host: place.address });
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await place?.[Symbol.asyncDispose]();
});

async function answering(url: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if ((await http(`${url}/v2/`).catch(() => undefined))?.status === 200) return;
    await sleep(100);
  }
  throw new Error(`${url} does not answer: ${await place.run(['logs', 'registry'])}`);
}

describe('Berth on Berth', () => {
  it('builds its own image, pushes it, runs it from there, and is a registry in it', async () => {
    const { context, base } = await writeOwnImageSources(place.folder);
    const image = `${registry.address}/berth:1`;
    await place.run(['import', base, 'base']);
    await place.run(['build', '--build-arg', 'BASE=base', '-t', image, context]);
    await place.run(['push', '--insecure', image]);
    await place.run(['rmi', image]);

    const run = [
      'run',
      '-d',
      '--insecure',
      '--name',
      'registry',
      '-p',
      '5000:5000',
      '-v',
      'data:/var/lib/registry',
    ];
    await place.run([...run, image]);
    await answering(`http://${place.address}:5000`);
    const name = `${place.address}:5000/team/box:1`;
    await place.run(['tag', 'box', name]);
    await place.run(['push', '--insecure', name]);
    await place.run(['rmi', name]);
    await place.run(['pull', '--insecure', name]);
    expect(await place.run(['run', '--rm', name, 'echo', 'of its own registry'])).toBe(
      'of its own registry\n',
    );

    await place.run(['stop', 'registry']);
    expect(await place.run(['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'registry'])).toBe(
      'exited 0\n',
    );
    await expect(http(`http://${place.address}:5000/v2/`)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await place.run(['start', 'registry']);
    await answering(`http://${place.address}:5000`);
    await place.run(['pull', '--insecure', name]);
  });
});
