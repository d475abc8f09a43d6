import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuntimeDatabase } from '../../../src/runtime/runtime-database.js';
import { RuntimeEvents } from '../../../src/runtime/runtime-events.js';
import { inspectVolume, Volumes } from '../../../src/runtime/volumes/index.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
let directory: string;
let db: RuntimeDatabase;
let volumes: Volumes;

beforeEach(async () => {
  folder = await temporaryFolder();
  directory = join(folder.path, 'volumes');
  db = new RuntimeDatabase(folder.path);
  volumes = new Volumes(db, { directory, now: () => new Date('2026-01-02T03:04:05.678Z') });
});
afterEach(async () => {
  db.close();
  await folder[Symbol.asyncDispose]();
});

describe('Volumes', () => {
  it('go with a container that never came about, but for those that somebody named', async () => {
    const [named, anonymous] = [volumes.create({ Name: 'named' }), volumes.create({})];
    for (const { name } of [named, anonymous]) volumes.hold('c', name);
    await volumes.forget('c');
    expect(volumes.list().map(({ name }) => name)).toEqual(['named']);
    expect(volumes.usersOf('named')).toEqual([]);
    expect(readdirSync(directory)).toEqual(['named']);
  });
  it('leave no directory of one whose maker was killed before it was a volume', async () => {
    const [unmade, strange, named] = ['a'.repeat(64), 'b'.repeat(64), 'of-somebody'];
    for (const name of [unmade, strange, named])
      mkdirSync(join(directory, name, '_data'), { recursive: true });
    writeFileSync(join(directory, strange, '_data', 'file'), '');
    const { name } = volumes.create({});
    await volumes.forget('c');
    expect(readdirSync(directory).sort()).toEqual([strange, name, named].sort());
  });
  it('tell of what is made and removed', async () => {
    volumes.create({ Name: 'data' });
    volumes.create({ Name: 'data' }); // is there already
    await volumes.remove('data');
    expect(new RuntimeEvents(db).after(0)).toMatchObject([
      { type: 'volume', action: 'create', actor: 'data', attributes: { driver: 'local' } },
      { type: 'volume', action: 'destroy', actor: 'data' },
    ]);
  });
  it('are shown as docker shows them', () => {
    expect(inspectVolume(volumes.create({ Name: 'data', Labels: { a: 'b' } }))).toEqual({
      CreatedAt: '2026-01-02T03:04:05Z',
      Driver: 'local',
      Labels: { a: 'b' },
      Mountpoint: join(directory, 'data/_data'),
      Name: 'data',
      Options: null,
      Scope: 'local',
    });
  });

  it('stay what they are when they are made again', () => {
    volumes.create({ Name: 'data', Labels: { a: 'b' } });
    expect(volumes.create({ Name: 'data', Labels: { a: 'c' } }).labels).toEqual({ a: 'b' });
  });

  it.each([
    { request: { Name: 'x' }, message: 'volume name is too short' },
    { request: { Name: '../x' }, message: 'includes invalid characters for a local volume name' },
    { request: { Name: '.removed-1' }, message: 'includes invalid characters' },
    { request: { Name: 'a'.repeat(256) }, message: 'longer than 255' },
    { request: { Name: 'data', Driver: 'nfs' }, message: 'error looking up volume plugin nfs' },
    { request: { Name: 'data', DriverOpts: { odd: '1' } }, message: 'invalid option: "odd"' },
    { request: { Name: 'data', DriverOpts: { type: 'nfs' } }, message: 'missing required option: "device"' },
    { request: { Name: 'data', DriverOpts: { size: '1g' } }, message: 'no quota support' },
  ])('are not made of $request', ({ request, message }) =>
    expect(() => volumes.create(request)).toThrow(message),
  );

  it('are found by every filter of docker', () => {
    volumes.create({ Name: 'data', Labels: { team: 'blue' } });
    volumes.create({ Name: 'database' });
    volumes.create({ Name: 'other' });
    volumes.hold('c1', 'other');
    const names = (filters: Parameters<Volumes['list']>[0]) => volumes.list(filters).map(({ name }) => name);
    expect(names({})).toEqual(['data', 'database', 'other']);
    expect(names({ name: ['data'] })).toEqual(['data', 'database']);
    expect(names({ label: ['team=blue'] })).toEqual(['data']);
    expect(names({ label: ['team', 'x'] })).toEqual([]);
    expect(names({ dangling: ['false'] })).toEqual(['other']);
    expect(names({ dangling: ['1'], driver: ['local'] })).toEqual(['data', 'database']);
    expect(names({ driver: ['nfs'] })).toEqual([]);
    expect(() => names({ odd: ['1'] })).toThrow("invalid filter 'odd'");
    expect(() => names({ dangling: ['maybe'] })).toThrow("invalid filter 'dangling=maybe'");
  });

  it('are not removed while a container has them', async () => {
    volumes.create({ Name: 'data' });
    volumes.hold('c1', 'data');
    await expect(volumes.remove('data')).rejects.toThrow('remove data: volume is in use - [c1]');
    expect(volumes.release('c1')).toEqual(['data']);
    expect(volumes.release('c1')).toEqual([]);
    await volumes.remove('data');
    expect(readdirSync(directory)).toEqual([]);
    await expect(volumes.remove('data')).rejects.toThrow('get data: no such volume');
    await volumes.remove('data', { force: true });
  });

  it('are pruned when nobody has them or has named them; with `all` named ones too', async () => {
    const anonymous = volumes.create({});
    const held = volumes.create({});
    volumes.create({ Name: 'data' });
    volumes.hold('c1', held.name);
    writeFileSync(join(anonymous.mountpoint, 'f'), 'x'.repeat(100));
    expect(await volumes.prune()).toEqual({ removed: [anonymous.name], reclaimedBytes: 100 });
    expect(await volumes.prune({ all: ['true'], 'label!': ['x'] })).toEqual({
      removed: ['data'],
      reclaimedBytes: 0,
    });
    expect(volumes.list()).toEqual([held]);
  });

  it('of containers that are gone are free again, and files of removed ones go away', async () => {
    volumes.create({ Name: 'data' });
    volumes.hold('c1', 'data');
    volumes.hold('c2', 'data');
    mkdirSync(join(directory, '.removed-x/_data'), { recursive: true });
    await volumes.reconcile(['c2']);
    expect(volumes.usersOf('data')).toEqual(['c2']);
    expect(readdirSync(directory)).toEqual(['data']);
  });

  it('do not take over files that they have not made', async () => {
    mkdirSync(join(directory, 'theirs/_data'), { recursive: true });
    writeFileSync(join(directory, 'theirs/_data/f'), '');
    expect(() => volumes.create({ Name: 'theirs' })).toThrow('was not made by Berth');
    await volumes.prune({ all: ['true'] });
    expect(existsSync(join(directory, 'theirs/_data/f'))).toBe(true);
  });
});
