import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OciControl, unlessEnded } from '../../../src/runtime/container/oci-control.js';
import { RuntimeError } from '../../../src/runtime/errors.js';
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

describe('unlessEnded', () => {
  it.each([
    '/usr/bin/crun failed with 1: the container `d3a7` is not running: No such process', // resume after SIGKILL, cgroup v2
    '/usr/sbin/runc failed with 1: container not paused',
    '/usr/sbin/runc failed with 1: os: process already finished',
  ])('goes on after %s', (message) => unlessEnded(Promise.reject(new RuntimeError(message))));
  it('does not hide what is wrong', () =>
    expect(unlessEnded(Promise.reject(new RuntimeError('permission denied')))).rejects.toThrow('permission'));
});
