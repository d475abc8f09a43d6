import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ContainerFolder } from '../../../src/runtime/container/container-folder.js';
import type { ContainerRecord } from '../../../src/runtime/container/container-record.js';
import { sharedNetwork } from '../../../src/runtime/container/shared-network.js';
import { ContainerStateError } from '../../../src/runtime/errors.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** Runs in the network of one that has ended. */
const OWNER = {
  id: 'owner',
  config: {},
  hostConfig: { NetworkMode: 'container:gone' },
  state: { pid: 7 },
} as ContainerRecord;

async function findRunning(name: string): Promise<ContainerRecord> {
  if (name === OWNER.id) return OWNER;
  throw new ContainerStateError(`container ${name} is not running`);
}

describe('sharedNetwork', () => {
  it('has the names of one whose network is that of a third, which has ended', async () => {
    await using place = await temporaryFolder();
    const folder = new ContainerFolder(place.path, OWNER.id);
    folder.make();
    await writeFile(folder.file('hosts'), '10.0.0.2 ship\n');
    await writeFile(folder.file('resolv.conf'), 'nameserver 10.0.0.1\n');
    await writeFile(folder.file('config.json'), JSON.stringify({ hostname: 'ship' }));
    expect(await sharedNetwork('container:owner', { findRunning, folderOf: () => folder })).toEqual({
      network: { path: '/proc/7/ns/net' },
      files: { hosts: '10.0.0.2 ship\n', resolvConf: 'nameserver 10.0.0.1\n' },
      hostname: 'ship',
    });
  });
});
