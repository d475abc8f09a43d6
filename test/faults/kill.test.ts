import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { DebianRegistry, debianConfig } from '../support/debian-registry.js';
import { cleanEnvironment, run } from '../support/run.js';
import { seedOfRun } from '../support/seed.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { Crowd } from './crowd.js';
import { damageIndex, INDEX_DAMAGES } from './index-damage.js';
import { KillableServer } from './killable-server.js';
import { auditLayout, sweep } from './layout-audit.js';
import { Random } from './random.js';
import { verify } from './verify.js';

const KILLS = Number(process.env.BERTH_FAULT_KILLS ?? 200);
const SHARED = 'faults/shared/by-all';
const OWN = ['faults/one', 'faults/two', 'faults/three', 'faults/blobs/uploads'];
const REPOSITORIES = [...OWN, SHARED, SHARED, SHARED];

describe('a server that is killed again and again', () => {
  it(`keeps every promise over ${KILLS} kills, and shows nothing by halves`, {
    timeout: 900_000,
  }, async () => {
    const seed = seedOfRun();
    console.log(`BERTH_FAULT_SEED=${seed} BERTH_FAULT_KILLS=${KILLS}`);
    await using folder = await temporaryFolder('kill');
    await using server = await KillableServer.create(folder.path);
    const random = new Random(seed);
    const crowd = new Crowd({ url: server.url, seed, random, repositories: REPOSITORIES, shared: SHARED });
    const { gate, ledger, tally } = crowd;
    crowd.start();
    const garbage = { blobs: 0, bytes: 0 };
    let damaged = 0;

    const check = async (thorough: boolean) => {
      const complaints = await crowd.complaints({ thorough });
      expect(complaints, `seed ${seed}\n${server.output.slice(-3000)}`).toEqual([]);
    };
    const audit = async () => {
      const found = await auditLayout(server.root);
      expect(found.complaints, `seed ${seed}`).toEqual([]);
      garbage.blobs += found.garbage.length;
      garbage.bytes += found.garbageBytes;
      return found;
    };

    await server.start();
    for (let kills = 0, round = 1; kills < KILLS; round += 1) {
      await crowd.work(random.between(0, 80), random.between(0, 10));
      gate.close();
      await server.kill();
      kills += 1;
      await gate.quiet();
      if (round % 40 === 0) await sweep(server.root, await audit());
      if (round % 10 === 5) {
        await damageIndex(server.root, INDEX_DAMAGES[damaged % INDEX_DAMAGES.length] ?? 'remove', random);
        damaged += 1;
      }
      // A start is a moment like any other.
      while (kills < KILLS && random.chance(0.15)) {
        await server.startAndKill(random.between(0, 500));
        kills += 1;
      }
      await server.start();
      await check(round % 20 === 0);
    }
    gate.open();
    await sleep(1000); // uploads that the last kill cut off go on
    await crowd.end();
    await check(true);
    expect(await server.stop()).toBe(0);

    await run([BERTH, 'uploads', 'purge', '--config', server.config, '--older-than', '0s']);
    const { uploads, scratch, dangling, blobs: stored } = await audit();
    console.log(
      [
        `seed ${seed}: ${KILLS} kills, ${tally.cut} requests cut, index damaged ${damaged} times (${tally.unavailable} requests refused);`,
        `acknowledged: ${tally.blobs} blobs, ${tally.mounts} mounts, ${tally.manifests} manifests,`,
        `${tally.tagDeletes} tag deletes, ${tally.manifestDeletes} manifest deletes, ${tally.blobDeletes} blob deletes;`,
        `uploads resumed ${tally.resumed}, unknown ${tally.vanished};`,
        `garbage: ${garbage.blobs} blobs, ${garbage.bytes} bytes; left: ${stored} blobs, dangling ${dangling.length}`,
      ].join('\n  '),
    );
    // Damage that shows only in use costs the request that finds it.
    expect(tally.unavailable).toBeLessThanOrEqual(3 * damaged);
    expect(uploads).toEqual([]);
    expect(scratch).toEqual([]);

    // The reference takes over: its collector finds its way, and it serves what Berth served.
    const debianConfiguration = join(folder.path, 'debian.yml');
    await writeFile(debianConfiguration, debianConfig({ root: server.root, address: '127.0.0.1:0' }));
    const collect = ['docker-registry', 'garbage-collect', '--dry-run', debianConfiguration];
    await run(collect, { env: cleanEnvironment({ OTEL_TRACES_EXPORTER: 'none' }) });
    await using debian = await DebianRegistry.start({ root: server.root });
    const names = ledger.names();
    expect(
      await verify({ url: debian.url, ledger, names, thorough: true, lists: false, onUnavailable: () => {} }),
      `seed ${seed}`,
    ).toEqual([]);
  });
});
