import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { run } from '../support/run.js';
import { seedOfRun } from '../support/seed.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Crowd } from './crowd.js';
import { damageIndex } from './index-damage.js';
import { KillableServer } from './killable-server.js';
import { auditLayout } from './layout-audit.js';
import { Random } from './random.js';

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
    const crowd = new Crowd({ url: server.url, seed, random, repositories: REPOSITORIES, shared: SHARED });
    const { gate, tally } = crowd;
    const check = async (thorough: boolean) => {
      const complaints = await crowd.complaints({ thorough });
      expect(complaints, `seed ${seed}\n${server.output.slice(-3000)}`).toEqual([]);
    };

    await server.start();
    await says(server, 'msg=listening'); // with all of them
    crowd.start();
    for (let kills = 1; kills <= KILLS; kills += 1) {
      await crowd.work(random.between(20, 120), random.between(0, 10));
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
    await crowd.end();
    await check(true);
    expect(await server.stop()).toBe(0);
    console.log(`${tally.cut} requests cut, ${tally.blobs} blobs, ${tally.manifests} manifests acknowledged`);
    expect((await auditLayout(server.root)).complaints, `seed ${seed}`).toEqual([]);
  });
});

describe('a worker that is killed', () => {
  it('takes no connection with it that it had not taken yet', async () => {
    await using folder = await temporaryFolder('handoffs');
    await using server = await KillableServer.create(folder.path, {
      args: ['--workers', '2'],
      logLevel: 'info',
    });
    await server.start();
    await says(server, 'msg=listening');
    const [worker = 0] = await workersOf(server.pid);
    process.kill(worker, 'SIGSTOP');
    let answered = 0;
    const answers = Array.from({ length: 6 }, async () =>
      fetch(`${server.url}/v2/`).then(
        ({ status }) => {
          answered += 1;
          return status;
        },
        () => 'cut',
      ),
    );
    // They are handed out by turns: the one that does not move has got some by now.
    await expect.poll(() => answered).toBeGreaterThanOrEqual(3);
    process.kill(worker, 'SIGKILL');
    const outcomes = await Promise.race([Promise.all(answers), sleep(20_000).then(() => 'no answer')]);
    expect(outcomes).toContain('cut');
    expect(outcomes).toContain(200);
  });
});

async function workersOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

async function says(server: KillableServer, what: string, times = 1): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (server.output.split(what).length <= times) {
    if (performance.now() > deadline) throw new Error(`no "${what}" in\n${server.output.slice(-3000)}`);
    await sleep(50);
  }
}
