import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLog, rotateLog } from '../../src/runtime/logs/index.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { busyboxRoot, RuncContainer } from './runc-container.js';

let folder: TemporaryFolder;
let rootfs: string;

beforeAll(async () => {
  folder = await temporaryFolder('logs');
  rootfs = await busyboxRoot(folder.path);
});
afterAll(() => folder[Symbol.asyncDispose]());

const create = (script: string) => RuncContainer.create({ folder: folder.path, rootfs, script });

it('no line is lost to who follows while files are rotated', async () => {
  const count = 20_000;
  const script = `i=0; while [ $i -lt ${count} ]; do echo line $i; i=$((i+1)); [ $((i % 500)) = 0 ] && sleep 0.05; done`;
  await using container = await create(script);
  const ended = new AbortController();
  const lines: string[] = [];
  const reading = (async () => {
    for await (const { text } of readLog(container.log.log, { follow: { ended: ended.signal } }))
      lines.push(text.toString());
  })();
  await container.start();
  const done = container.ended();
  let isDone = false;
  void done.then(() => {
    isDone = true;
  });
  let rotations = 0;
  let due = 0;
  while (!isDone) {
    // Whoever is later than the files that are kept has not what was in others.
    if (lines.length >= due && (await rotateLog(container.log, { maxBytes: 100_000, maxFiles: 3 }))) {
      rotations += 1;
      const [newest] = await Array.fromAsync(readLog(container.log.log, { tail: 1 }));
      due = Number(newest?.text.toString().slice('line '.length));
    }
    await setTimeout(20);
  }
  expect(await done).toBe(0);
  ended.abort();
  await reading;
  expect(rotations).toBeGreaterThan(1);
  expect(lines.length).toBe(count);
  expect(lines.every((line, i) => line === `line ${i}\n`)).toBe(true);
  const last = await Array.fromAsync(readLog(container.log.log, { tail: 2 }));
  expect(last.map(({ text }) => text.toString())).toEqual([`line ${count - 2}\n`, `line ${count - 1}\n`]);
  expect(existsSync(`${container.log.log}.3`)).toBe(false);
});

it('long lines are joined, streams told apart, and an end without a line feed is there', async () => {
  const script = 'head -c 20000 /dev/zero | tr "\\0" a; echo; echo error >&2; sleep 0.2; printf "no end"';
  await using container = await create(script);
  await container.start();
  await container.ended();
  const records = await Array.fromAsync(readLog(container.log.log));
  const texts = records.map(({ stream, text }) => `${stream} ${text.toString()}`);
  expect(texts.sort()).toEqual(['stderr error\n', `stdout ${'a'.repeat(20_000)}\n`, 'stdout no end']);
  const parts = await Array.fromAsync(readLog(container.log.log, { lines: 'parts', streams: ['stdout'] }));
  expect(parts.length).toBeGreaterThan(3);
});
