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
  const ids = await Promise.all(
    Array.from({ length: MANY }, async (_, i) => {
      const body = { Image: 'box', Cmd: ['sh', '-c', `echo ${i}; exec sleep 1000`] };
      const created = await engine.ask('POST', '/containers/create', JSON.stringify(body));
      const { Id } = JSON.parse(created.text) as { Id: string };
      expect(await engine.ask('POST', `/containers/${Id}/start`)).toMatchObject({ status: 204 });
      return Id;
    }),
  );
  try {
    const all = JSON.parse((await engine.ask('GET', '/containers/json')).text) as Summary[];
    expect(all.map(({ State }) => State)).toEqual(Array.from({ length: MANY }, () => 'running'));
    const addresses = all.map(({ NetworkSettings: { Networks } }) => Networks.bridge?.IPAddress ?? '');
    expect(new Set(addresses).size).toBe(MANY);
    const [first = '', last = ''] = [ids[0], ids.at(-1)];
    expect(await engine.docker(['logs', last])).toBe(`${MANY - 1}\n`);
    await Promise.all(addresses.map((address) => engine.docker(['exec', first, 'ping', '-c', '1', address])));
  } finally {
    await engine.docker(['rm', '-f', ...ids]);
  }
  // Monitors may be at their last words; who checks health is the engine's own.
  await expect
    .poll(() => tracesOf(place, new Set(ids)), { timeout: 30_000 })
    .toEqual({
      ...{ monitors: [], relays: [], cgroups: [], folders: ['health'], namespaces: [], programs: [] },
      ...{ devices: [], published: [], mounts: [], volumes: [] },
    });
});
