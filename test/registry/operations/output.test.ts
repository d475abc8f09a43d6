import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOutput } from '../../../src/registry/operations/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** A file that is open for writing. */
async function openFile() {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'log');
  const fd = openSync(path, 'a');
  return {
    fd,
    read: () => readFileSync(path, 'utf8'),
    async [Symbol.asyncDispose]() {
      closeSync(fd);
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe('openOutput, buffered', () => {
  it('writes a few lines within a second', async () => {
    await using file = await openFile();
    await using output = openOutput(file.fd, { buffered: true });
    output.write('one\n');
    output.write('zwölf\n');
    expect(file.read()).toBe('');
    await expect.poll(() => file.read()).toBe('one\nzwölf\n');
  });
  it('writes many lines, all and in order', async () => {
    await using file = await openFile();
    const lines = Array.from({ length: 20_000 }, (_, number) => `line ${number}\n`);
    {
      await using output = openOutput(file.fd, { buffered: true });
      for (const line of lines) output.write(line);
    }
    expect(file.read()).toBe(lines.join(''));
  });
  it('writes what is left when the process exits', async () => {
    await using file = await openFile();
    await using output = openOutput(file.fd, { buffered: true });
    output.write('last words\n');
    process.emit('exit', 0);
    expect(file.read()).toBe('last words\n');
  });
  it('leaves nothing behind at the process', async () => {
    await using file = await openFile();
    const before = process.listenerCount('exit');
    await openOutput(file.fd, { buffered: true })[Symbol.asyncDispose]();
    expect(process.listenerCount('exit')).toBe(before);
  });
  it('does not fail, hang or grow when nothing can be written', async () => {
    const full = openSync('/dev/full', 'w');
    {
      await using output = openOutput(full, { buffered: true });
      for (let number = 0; number < 20_000; number += 1) output.write('a line that will be lost\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      output.write('one more\n');
      process.emit('exit', 0);
    }
    closeSync(full);
  });
});

describe('openOutput, not buffered', () => {
  it('writes at once', async () => {
    await using file = await openFile();
    openOutput(file.fd, { buffered: false }).write('now\n');
    expect(file.read()).toBe('now\n');
  });
  it('does not fail when nothing can be written', () => {
    const full = openSync('/dev/full', 'w');
    openOutput(full, { buffered: false }).write('lost\n');
    closeSync(full);
  });
});
