import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { parseDigest } from '../../../src/oci/index.js';
import { type ContainerRecord, NEW_STATE } from '../../../src/runtime/container/container-record.js';
import { ContainerStore } from '../../../src/runtime/container/container-store.js';
import { RuntimeDatabase } from '../../../src/runtime/runtime-database.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const DIGEST = parseDigest(`sha256:${'0'.repeat(64)}`);

it('tells of containers whose rows are damaged, and of the others', async () => {
  await using folder = await temporaryFolder();
  using db = new RuntimeDatabase(folder.path);
  const store = new ContainerStore(db);
  for (const name of ['whole', 'torn', 'strange']) store.add(recordOf(name));
  using raw = new DatabaseSync(RuntimeDatabase.pathIn(folder.path));
  raw.exec("UPDATE containers SET record = substr(record, 1, 50) WHERE name = 'torn'");
  raw.exec(
    `UPDATE containers SET record = json_set(record, '$.config.Cmd', json('{"length":5}')) WHERE name = 'strange'`,
  );
  const seen = Object.fromEntries(store.all().map(({ name, state }) => [name, state]));
  expect(seen).toMatchObject({
    whole: { status: 'created', error: '' },
    torn: { status: 'dead', error: expect.stringContaining('what is stored of it is damaged: ') },
    strange: { status: 'dead', error: expect.stringContaining('a Cmd that must be text') },
  });
  expect(store.setState(store.get('torn').id, { status: 'removing' }).state.status).toBe('removing');
  expect(store.get('torn').state.status).toBe('removing');
});

function recordOf(name: string): ContainerRecord {
  return {
    id: Buffer.from(name.padEnd(32)).toString('hex'),
    name,
    createdAt: new Date().toISOString(),
    image: { name: 'box', id: DIGEST, manifest: { mediaType: '', digest: DIGEST, size: 0 }, chainIDs: [] },
    config: { Cmd: ['true'] },
    hostConfig: {},
    networkingConfig: {},
    mounts: [],
    state: NEW_STATE,
  };
}
