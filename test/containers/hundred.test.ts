import { expect, it } from 'vitest';
import { tracesOf } from '../faults/container-traces.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { EngineProcess } from '../support/engine-process.js';
import { NetworkNamespace } from '../support/network-namespace.js';

const MANY = 100;

type Summary = Readonly<{
  State: string;
  NetworkSettings: Readonly<{ Networks: Readonly<Record<string, { IPAddress: string }>> }>;
}>;

it(`${MANY} containers are started at once, run side by side with addresses of their own, and leave nothing`, async () => {
  await using namespace = await NetworkNamespace.create();
  await using engine = await EngineProcess.start({ prefix: namespace.prefix });
  const place = { root: engine.path('root'), inside: (args: readonly string[]) => namespace.run(args) };
  await engine.docker(['import', await writeBusyboxRoot(engine.path()), 'box']);
  const ids: string[] = [];
  try {
    const starting = Array.from({ length: MANY }, (_, i) => start(engine, `echo ${i}; exec sleep 1000`, ids));
    expect((await Promise.allSettled(starting)).filter(({ status }) => status === 'rejected')).toEqual([]);
    const all = JSON.parse((await engine.ask('GET', '/containers/json')).text) as Summary[];
    expect(all.map(({ State }) => State)).toEqual(Array.from({ length: MANY }, () => 'running'));
    const addresses = all.map(({ NetworkSettings: { Networks } }) => Networks.bridge?.IPAddress ?? '');
    expect(new Set(addresses).size).toBe(MANY);
    const printed = await Promise.all(
      ids.map((id) => engine.ask('GET', `/containers/${id}/logs?stdout=1`).then(({ text }) => text.slice(8))),
    );
    expect(printed.map(Number).toSorted((a, b) => a - b)).toEqual(Array.from({ length: MANY }, (_, i) => i));
    const script = 'for address; do ping -c 1 "$address" || exit; done';
    await engine.docker(['exec', ids[0] ?? '', 'sh', '-c', script, 'sh', ...addresses]);
  } finally {
    await engine.docker(['rm', '-f', ...ids]);
  }
  // Monitors may be at their last words; who checks health is the engine's own.
  await expect
    .poll(() => tracesOf(place, new Set(ids)))
    .toEqual({
      ...{ monitors: [], relays: [], cgroups: [], folders: ['health'], namespaces: [], programs: [] },
      ...{ devices: [], published: [], mounts: [], volumes: [] },
    });
}, 600_000); // two hundred programs and more, on a machine that may have others

async function start(engine: EngineProcess, script: string, ids: string[]): Promise<void> {
  const body = JSON.stringify({ Image: 'box', Cmd: ['sh', '-c', script] });
  const { Id } = JSON.parse((await engine.ask('POST', '/containers/create', body)).text) as { Id: string };
  ids.push(Id);
  expect(await engine.ask('POST', `/containers/${Id}/start`)).toMatchObject({ status: 204 });
}
