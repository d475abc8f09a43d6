import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainerPlace } from './container-place.js';

let place: ContainerPlace;

beforeAll(async () => {
  place = await ContainerPlace.create();
});
afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
});

describe('a container that could never run', () => {
  it.each([
    { flags: ['--mount', 'type=bind,src=/nosuch,dst=/x'], why: 'bind source path does not exist: /nosuch' },
    { flags: ['-w', 'rel'], why: "the working directory 'rel' is invalid" },
    { flags: ['--pid', 'container:nosuch'], why: 'No such container: nosuch' },
  ])('leaves its name free: $why', async ({ flags, why }) => {
    const { code, stderr } = await place.tryRun(['run', '--name', 'typo', ...flags, 'box', 'true']);
    expect([code, stderr]).toEqual([125, expect.stringContaining(why)]);
    expect(await place.run(['ps', '-aq'])).toBe('');
  });
});
