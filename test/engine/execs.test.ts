import { describe, expect, it } from 'vitest';
import { Execs } from '../../src/engine/containers/execs.js';

describe('Execs', () => {
  it('forgets the oldest that do not run, also those that nobody has started', () => {
    const execs = new Execs();
    const add = () => execs.add({ ...CONFIG, args: ['x'.repeat(1_000_000)] });
    const [running, oldest] = [add(), add()];
    running.isRunning = true;
    for (let i = 0; i < 20; i += 1) add();
    const newest = add();
    expect(execs.get(running.id)).toBe(running);
    expect(execs.get(newest.id)).toBe(newest);
    expect(() => execs.get(oldest.id)).toThrow(expect.objectContaining({ status: 404 }));
  });
});

const CONFIG = {
  containerId: 'c',
  env: [],
  user: '',
  cwd: '',
  privileged: false,
  tty: false,
  detachKeys: new Uint8Array(),
  size: { rows: 0, columns: 0 },
  stdin: false,
  stdout: true,
  stderr: true,
};
