import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reportFailure } from '../../../src/cli/failure.js';
import { ConfigError, loadConfig } from '../../../src/registry/config/index.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const UNIT = readFileSync(new URL('../../../config/berth.service', import.meta.url), 'utf8');
const settings = new Map(
  [...UNIT.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
);

describe('config/berth.service', () => {
  it('lets requests finish for as long as the registry does', () => {
    const seconds = Number(settings.get('TimeoutStopSec'));
    expect(seconds * 1000).toBeGreaterThan(loadConfig({ env: {} }).config.http.draintimeout);
  });

  it('does not start again with a configuration that is wrong', () => {
    const notes = { write: () => {} };
    const wrong = new ConfigError([{ key: 'http', message: 'wrong', origin: { from: 'default' } }]);
    expect(settings.get('RestartPreventExitStatus')).toBe(`${reportFailure(wrong, { debug: false, notes })}`);
  });

  it('lets JavaScript be compiled', () => expect(settings.has('MemoryDenyWriteExecute')).toBe(false));

  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasSystemd)('is what systemd understands', async () => {
    await using folder = await temporaryFolder();
    const unit = join(folder.path, 'berth.service');
    await writeFile(unit, UNIT.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true')); // it looks for the program
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
    expect(stderr.split('\n').filter((line) => line.includes('berth.service'))).toEqual([]);
  });
});
