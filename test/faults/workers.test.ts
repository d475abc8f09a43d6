import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { run } from '../support/run.js';
import { seedOfRun } from '../support/seed.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Gate } from './gate.js';
import { damageIndex } from './index-damage.js';
import { KillableServer } from './killable-server.js';
import { auditLayout } from './layout-audit.js';
import { Ledger } from './ledger.js';
import { digestOf } from './names.js';
import { Pusher, type PusherParts } from './pusher.js';
import { Random } from './random.js';
import { Tally } from './requests.js';
import { verify } from './verify.js';

const KILLS = Number(process.env.BERTH_FAULT_WORKER_KILLS ?? 8);
const SHARED = 'faults/shared/by-all';
const REPOSITORIES = ['faults/one', 'faults/two', SHARED, SHARED, SHARED];

describe('workers of one server', () => {
  it(`keep every promise together, while ${KILLS} of them are killed`, { timeout: 600_000 }, async () => {
    const seed = seedOfRun();
    console.log(`BERTH_FAULT_SEED=${seed} BERTH_FAULT_WORKER_KILLS=${KILLS}`);
    await using folder = await temporaryFolder('workers');
    await using server = await KillableServer.create(folder.path, {
      args: ['--workers', '3'],
      logLevel: 'info',
    });
    const random = new Random(seed);
    const [ledger, tally, gate] = [new Ledger(), new Tally(), new Gate()];
    const blobs = Array.from({ length: 8 }, () => {
      const bytes = random.bytes(random.size());
      return { digest: digestOf(bytes), bytes };
    });
    const parts = { url: server.url, gate, ledger, tally, source: { repository: SHARED, blobs } };
    const pushers = REPOSITORIES.map(
      (repository, i) =>
        new Pusher({ ...parts, repository, random: new Random(seed + i + 1) } satisfies PusherParts),
    );
    const check = async (thorough: boolean) => {
      ledger.settle();
      const names = thorough ? ledger.names() : ledger.takeTouched();
      const onUnavailable = () => {
        tally.unavailable += 1;
      };
      const options = { url: server.url, ledger, names, thorough, lists: true, onUnavailable };
      const complaints = [...tally.violations, ...(await verify(options))];
      expect(complaints, `seed ${seed}\n${server.output.slice(-3000)}`).toEqual([]);
    };

    await server.start();
    await says(server, 'msg=listening'); // with all of them
    const working = Promise.all(pushers.map((pusher) => pusher.run()));
    for (let kills = 1; kills <= KILLS; kills += 1) {
      gate.open();
      await sleep(random.between(100, 600));
      process.kill(random.pick(await workersOf(server.pid)), 'SIGKILL');
      if (kills % 4 === 0) await damageIndex(server.root, random.pick(['remove', 'page'] as const), random);
      gate.close();
      await gate.quiet();
      await says(server, 'another worker has taken its place', kills);
      await check(kills % 4 === 0);
    }
    gate.open();
    await run([BERTH, 'gc', '--config', server.config]); // while all of them push
    await sleep(1000); // uploads that the last kill cut off go on
    gate.closeForGood();
    await working;
    await check(true);
    expect(await server.stop()).toBe(0);
    console.log(`${tally.cut} requests cut, ${tally.blobs} blobs, ${tally.manifests} manifests acknowledged`);
    expect((await auditLayout(server.root)).complaints, `seed ${seed}`).toEqual([]);
  });
});

async function workersOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

async function says(server: KillableServer, what: string, times = 1): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (server.output.split(what).length <= times) {
    if (performance.now() > deadline) throw new Error(`no "${what}" in\n${server.output.slice(-3000)}`);
    await sleep(50);
  }
}
