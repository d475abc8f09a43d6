import { setTimeout as sleep } from 'node:timers/promises';
import { measure } from '../measure.ts';
import type { Engine } from './engines.ts';

export type Sizes = Readonly<{ atOnce: number; listed: number; imageBytes: number }>;

export type Row = Readonly<{ id: string; title: string; unit: 'ms' | 'MiB' }>;

/** `archive` has an image that nobody has seen, called `image`. */
export type Place = Readonly<{ sizes: Sizes; archive: string; image: string }>;

/** Rows that are measured one after the other. */
export type Group = Readonly<{
  rows: readonly Row[];
  /** @returns a value for each row, in its unit. The engine has no containers before, and none after. */
  measure(engine: Engine, place: Place): Promise<readonly number[]>;
}>;

/** What every container but one is made of. */
export const IMAGE = 'box';
const NO_NETWORK = ['--network', 'none'];
/** Ends when it is asked to. */
const WAIT = [IMAGE, 'sh', '-c', 'trap exit TERM; while :; do sleep 1 & wait $!; done'];

export function groupsFor({ atOnce, listed, imageBytes }: Sizes): readonly Group[] {
  const ms = (id: string, title: string): Row => ({ id, title, unit: 'ms' });
  return [
    {
      rows: [
        ms('run-none', '`run --rm --network none`: start to exit of `true`'),
        ms('run-bridge', '`run --rm`, in the usual bridge: start to exit of `true`'),
      ],
      measure: async (engine) => [
        await timed(engine, 'run', '--rm', ...NO_NETWORK, IMAGE, 'true'),
        await timed(engine, 'run', '--rm', IMAGE, 'true'),
      ],
    },
    {
      rows: [ms('exec', '`exec` of `true`'), ms('stop', '`stop` of what ends at once')],
      measure: async (engine) => {
        await timed(engine, 'run', '-d', '--name', 'one', ...NO_NETWORK, ...WAIT);
        const exec = await timed(engine, 'exec', 'one', 'true');
        const stop = await timed(engine, 'stop', 'one');
        await timed(engine, 'rm', 'one');
        return [exec, stop];
      },
    },
    {
      rows: [
        ms('parallel', `${atOnce} × \`run -d --network none\` at once`),
        { id: 'memory', title: 'memory held for each of them while it runs', unit: 'MiB' },
      ],
      measure: async (engine, { sizes }) => {
        const names = namesOf(sizes.atOnce);
        const before = engine.heldBytes();
        const start = performance.now();
        await Promise.all(
          names.map((name) => timed(engine, 'run', '-d', '--name', name, ...NO_NETWORK, ...WAIT)),
        );
        const took = performance.now() - start;
        await sleep(1000); // commands that have answered may still be ending
        const held = (engine.heldBytes() - before) / names.length / 2 ** 20;
        await timed(engine, 'rm', '-f', ...names);
        return [took, held];
      },
    },
    {
      rows: [ms('ps', `\`ps -a\` of ${listed} containers`)],
      measure: async (engine, { sizes }) => {
        const names = namesOf(sizes.listed);
        for (const name of names) await timed(engine, 'create', '--name', name, ...NO_NETWORK, IMAGE, 'true');
        const took = await timed(engine, 'ps', '-a');
        await timed(engine, 'rm', ...names);
        return [took];
      },
    },
    {
      rows: [ms('first-run', `\`load\` and first run of an image of ${Math.round(imageBytes / 1e6)} MB`)],
      measure: async (engine, { archive, image }) => {
        const load = await timed(engine, 'load', '-i', archive);
        const run = await timed(engine, 'run', '--rm', ...NO_NETWORK, image, 'true');
        return [load + run]; // the image stays: files that one engine removes would make those slow that the next one makes
      },
    },
  ];
}

/** Milliseconds of a command that must succeed. */
async function timed(engine: Engine, ...args: readonly string[]): Promise<number> {
  return (await measure(engine.command(args))).seconds * 1000;
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `many-${i}`);
}
