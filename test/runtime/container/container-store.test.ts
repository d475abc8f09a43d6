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

it('sees what others change, and reads nothing twice that is as it was', async () => {
  await using folder = await temporaryFolder();
  using db = new RuntimeDatabase(folder.path);
  using otherDb = new RuntimeDatabase(folder.path);
  const [store, other] = [new ContainerStore(db), new ContainerStore(otherDb)];
  for (const name of ['same', 'renamed', 'ended', 'configured', 'gone']) other.add(recordOf(name));
  const byName = () => new Map(store.all().map((record) => [record.name, record]));
  const before = byName();
  other.rename(before.get('renamed')?.id ?? '', 'named');
  other.setState(before.get('ended')?.id ?? '', { status: 'exited' });
  other.configure(before.get('configured')?.id ?? '', { hostConfig: { Memory: 5 } });
  other.remove(before.get('gone')?.id ?? '');
  const after = byName();
  expect([...after.keys()].toSorted()).toEqual(['configured', 'ended', 'named', 'same']);
  expect(after.get('same')).toBe(before.get('same'));
  expect(after.get('ended')?.state.status).toBe('exited');
  expect(after.get('configured')?.hostConfig).toEqual({ Memory: 5 });
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
