import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Care } from '../../../src/runtime/container/care.js';
import { FRUGAL } from '../../../src/runtime/container/frugal.js';
import { run } from '../../support/run.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('what comes after the end of a container', () => {
  it('is done by what the monitor calls where nobody is at it', async () => {
    await using place = await carePlace();
    Care.leave(place.care);
    await place.callHook();
    expect(place.isDone).toBe(true);
  });

  it('is done once by who is at it, who is told of the end', async () => {
    await using place = await carePlace();
    const care = Care.take(place.care);
    const told = care.toBeDone(() => false, new AbortController().signal);
    const hook = place.callHook();
    await told;
    expect(care.isOpen).toBe(true);
    care.done();
    await hook;
    expect(place.isDone).toBe(false);
  });

  it('goes on where something else than its end happens to the file', async () => {
    await using place = await carePlace();
    using care = Care.take(place.care);
    let isOver = false;
    const told = care
      .toBeDone(() => false, new AbortController().signal)
      .then(() => {
        isOver = true;
      });
    await chmod(place.care, 0o640);
    await sleep(50);
    expect(isOver).toBe(false);
    const hook = place.callHook();
    await told;
    care.done();
    await hook;
  });

  it('is left to the monitor by who is killed or goes away', async () => {
    await using place = await carePlace();
    const care = Care.take(place.care);
    const hook = place.callHook();
    await sleep(50);
    expect(place.isDone).toBe(false);
    care[Symbol.dispose]();
    await hook;
    expect(place.isDone).toBe(true);
  });

  it('is not mistaken for that of the next run', async () => {
    await using place = await carePlace();
    const first = Care.take(place.care);
    const told = first.toBeDone(() => false, new AbortController().signal);
    const hook = place.callHook();
    await told;
    Care.leave(place.care);
    expect(first.isOpen).toBe(false);
    first.done();
    await hook;
    expect(place.isDone).toBe(false);
    expect(existsSync(place.care)).toBe(true);
  });

  it('is done without the variables of the monitor', async () => {
    await using place = await carePlace();
    Care.leave(place.care);
    const env = { ...process.env, ...FRUGAL };
    const variables = await run(Care.hook(place.care, ['/usr/bin/env']), { env });
    expect(variables).toContain('PATH=');
    for (const name of Object.keys(FRUGAL)) expect(variables).not.toContain(`${name}=`);
  });

  it('is nothing where it has been done', async () => {
    await using place = await carePlace();
    await place.callHook();
    expect(place.isDone).toBe(false);
  });
});

async function carePlace() {
  const folder = await temporaryFolder();
  const [care, mark] = [`${folder.path}/care`, `${folder.path}/done`];
  return {
    care,
    get isDone() {
      return existsSync(mark);
    },
    callHook: () => run(Care.hook(care, ['/usr/bin/touch', mark])).catch(() => ''),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
