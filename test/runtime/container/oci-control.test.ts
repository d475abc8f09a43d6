import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OciControl } from '../../../src/runtime/container/oci-control.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** Reads its input as crun does, and keeps it beside itself. */
const BY_NAME = '#!/bin/sh\ncat /dev/stdin > "$0.read" && echo "$*" > "$0.asked"\n';

describe('update', () => {
  it('hands limits to a runtime that opens its input by name', async () => {
    await using folder = await temporaryFolder();
    const program = join(folder.path, 'crun');
    await writeFile(program, BY_NAME, { mode: 0o755 });
    const control = new OciControl({ kind: 'crun', program, options: [] }, '/state');
    await control.update('one', { pids: { limit: 7 } });
    expect(JSON.parse(await readFile(`${program}.read`, 'utf8'))).toEqual({ pids: { limit: 7 } });
    expect(await readFile(`${program}.asked`, 'utf8')).toBe('--root /state update --resources - one\n');
  });
  it('says what the runtime has complained of', async () => {
    await using folder = await temporaryFolder();
    const program = join(folder.path, 'crun');
    await writeFile(program, '#!/bin/sh\necho too little >&2; exit 1\n', { mode: 0o755 });
    const control = new OciControl({ kind: 'crun', program, options: [] }, '/state');
    await expect(control.update('one', {})).rejects.toThrow('too little');
  });
});
