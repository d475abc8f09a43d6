import { afterAll, beforeAll, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { run } from '../support/run.js';
import { ContainerPlace } from './container-place.js';
import { JournalNamespace } from './journal-namespace.js';

let place: ContainerPlace;
let journal: JournalNamespace;

beforeAll(async () => {
  place = await ContainerPlace.create();
  journal = await JournalNamespace.create(place.folder, place.prefix);
});
afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
});

const berth = (...args: string[]) => run([...journal.prefix, BERTH, ...args], { env: place.env });
const inJournal = ['--network', 'none', '--log-driver', 'journald'];

it('keeps what a container prints, for journalctl and for berth logs', async () => {
  const script =
    'for i in 1 2 3; do echo line $i; done; head -c 20000 /dev/zero | tr "\\0" a; echo; echo bad >&2';
  const id = (await berth('run', '-d', ...inJournal, 'box', 'sh', '-c', `sleep 1; ${script}`)).trim();
  const lengths = async (...args: string[]) =>
    (await berth('logs', ...args, id)).split('\n').map(({ length }) => length);
  expect(await lengths('-f')).toEqual([6, 6, 6, 20_000, 0]);
  expect(await lengths()).toEqual([6, 6, 6, 20_000, 0]);
  expect(await lengths('--tail', '2')).toEqual([20_000, 0]); // and what went to stderr
  expect(await berth('logs', '--until', '2020-01-01T00:00:00', id)).toBe('');
  expect(await berth('logs', '--timestamps', id)).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{18}Z line 1\n/);
  const messages = ['journalctl', '-o', 'cat', `CONTAINER_ID_FULL=${id}`, 'PRIORITY=3'];
  expect((await run([...journal.prefix, ...messages])).trim()).toBe('bad');
});

it('is refused where there is no journal, and with options that it has not', async () => {
  const { code, stderr } = await place.tryRun(['run', ...inJournal, '--log-opt', 'tag=x', 'box', 'true']);
  expect({ code, stderr }).toMatchObject({
    code: 125,
    stderr: expect.stringContaining("unknown log opt 'tag'"),
  });
  const isolated = [
    ...place.prefix,
    'unshare',
    '--mount',
    'sh',
    '-c',
    'mount -t tmpfs none /run/systemd && exec "$@"',
  ];
  const command = [...isolated, 'sh', BERTH, 'run', ...inJournal, 'box', 'true'];
  await expect(run(command, { env: place.env })).rejects.toThrow('no systemd-journald listens');
});
