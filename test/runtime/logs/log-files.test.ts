import {
  appendFileSync,
  existsSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openLogFiles, rotatedName } from '../../../src/runtime/logs/log-files.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** A log whose files have their numbers, from 0 on, in them. */
class Rotating {
  readonly #log: string;
  #files = 0;

  constructor(log: string) {
    this.#log = log;
    this.#begin();
  }

  rotate(): void {
    for (const age of Array.from({ length: this.#files }, (_, i) => this.#files - 1 - i)) {
      if (existsSync(rotatedName(this.#log, age)))
        renameSync(rotatedName(this.#log, age), rotatedName(this.#log, age + 1));
    }
    this.#begin();
  }

  #begin(): void {
    writeFileSync(this.#log, String(this.#files));
    this.#files += 1;
  }
}

/** The files of the log, with what is done to them between one look and the next. */
async function opened(log: string, options: { after?: string }, meanwhile: () => void) {
  let isOpen = false;
  const opening = openLogFiles(log, options).finally(() => {
    isOpen = true;
  });
  while (!isOpen) {
    meanwhile();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const files = await opening;
  const texts = await Promise.all(files.map(async ({ handle }) => Number(await handle.readFile('utf8'))));
  await Promise.all(files.map(({ handle }) => handle.close()));
  return { texts, newest: files.at(-1)?.identity };
}

it('are found in order, each once and with none between them missing, however often they are rotated meanwhile', async () => {
  await using folder = await temporaryFolder();
  const log = join(folder.path, 'ctr.log');
  const rotating = new Rotating(log);
  for (let i = 0; i < 3; i += 1) rotating.rotate();
  let last = -1;
  let after: string | undefined;
  for (let look = 0; look < 10; look += 1) {
    let left = 3;
    const { texts, newest } = await opened(log, after === undefined ? {} : { after }, () => {
      if (left > 0) rotating.rotate();
      left -= 1;
    });
    expect(texts).toEqual(texts.map((_, i) => last + 1 + i));
    last = texts.at(-1) ?? last;
    after = newest ?? after;
  }
  expect(last).toBeGreaterThan(3);
});

it('are found also behind a number that none has while they are moved', async () => {
  await using folder = await temporaryFolder();
  const log = join(folder.path, 'ctr.log');
  for (const age of [0, 2, 3]) appendFileSync(rotatedName(log, age), String(9 - age));
  expect((await opened(log, {}, () => {})).texts).toEqual([6, 7, 9]);
});

it('are closed again when one of them cannot be opened', async () => {
  await using folder = await temporaryFolder();
  const log = join(folder.path, 'ctr.log');
  for (const age of [0, 1]) appendFileSync(rotatedName(log, age), 'x');
  symlinkSync(rotatedName(log, 2), rotatedName(log, 2)); // leads to itself
  await expect(openLogFiles(log)).rejects.toMatchObject({ code: 'ELOOP' });
  expect(openBelow(folder.path)).toEqual([]);
});

function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the one that lists them
      }
    })
    .filter((path) => path.startsWith(`${folder}/`));
}
