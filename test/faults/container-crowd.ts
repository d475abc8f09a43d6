import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerPlace } from '../containers/container-place.js';
import { BERTH } from '../support/berth-process.js';
import { membersOf, programsOf, type Traces, tracesOf, treesOf } from './container-traces.js';
import type { Random } from './random.js';

/** What is killed while something is done with a container: what of it is there by then. */
const VICTIMS = ['command', 'runc', 'conmon', 'netavark', 'all'] as const;
type Victim = (typeof VICTIMS)[number];
type Row = Readonly<{ id: string; name: string; state: string }>;

const NAMES = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'] as const;
/** Most commands take less. */
const LATEST_KILL_MS = 900;
const COMMAND_MS = 120_000;
const SETTLE_MS = 60_000;
const LOOK_AGAIN_MS = 25;
const RUN_ON = ['sh', '-c', 'trap exit TERM; while :; do echo tick; sleep 1 & wait $!; done'];

/** What each is made with: networks, ports that are its own, volumes with and without a name. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  c0: ['--network', 'app', '-p', '127.0.0.1:2000:80', '-v', 'data:/data', '-v', '/own'],
  c1: ['--network', 'none', '-v', '/own'],
  c2: ['--network', 'app', '-p', '2002:80', '-v', '/own'],
  c3: ['-p', '2003:80', '-v', 'data:/data'],
  c4: ['--network', 'none', '--read-only', '--tmpfs', '/tmp'],
  c5: ['--network', 'host', '--rm', '-v', '/own'],
};

/** Those in no network of ours. */
const WITHOUT = ['c1', 'c4', 'c5'];

/** Containers that somebody does something with all the time, while parts of that are killed. */
export class ContainerCrowd {
  kills = 0;
  /** What was killed, and while what was being done. */
  readonly tally = new Map<string, number>();
  readonly #place: ContainerPlace;
  readonly #random: Random;
  readonly #known = new Set<string>();
  #rows: readonly Row[] = [];
  #last: string[] = [];

  constructor(place: ContainerPlace, random: Random) {
    this.#place = place;
    this.#random = random;
  }

  /** Something is done with several of them at once, and each time something is killed. */
  async round(atOnce: number): Promise<void> {
    const left = [...NAMES];
    const chosen = Array.from({ length: atOnce }, () => {
      const [name = ''] = left.splice(this.#random.between(0, left.length - 1), 1);
      const victims = VICTIMS.filter((victim) => victim !== 'netavark' || !WITHOUT.includes(name));
      return { name, args: this.#deed(name), victim: this.#random.pick(victims) };
    });
    this.#last = chosen.map(({ args, victim }) => `${args.join(' ')} | kill ${victim}`);
    await Promise.all(
      chosen.map(({ name, args, victim }) =>
        this.#disturb(name, args, victim, this.#random.between(0, LATEST_KILL_MS)),
      ),
    );
  }

  /** Looks until all is as it is told, or for long enough. @returns what is not. */
  async complaints(): Promise<string[]> {
    const deadline = Date.now() + SETTLE_MS;
    for (;;) {
      this.#rows = await this.#look();
      const found = this.#compare(await tracesOf(this.#place, this.#known));
      if (found.length === 0) return [];
      if (Date.now() > deadline)
        return [...found, ...this.#rows.map((row) => JSON.stringify(row)), ...this.#last];
      await sleep(200);
    }
  }

  /** Removes them all. @returns what is left of them. */
  async end(): Promise<string[]> {
    const ids = this.#rows.map(({ id }) => id);
    if (ids.length > 0) await this.#place.run(['rm', '-f', '-v', ...ids]);
    return this.complaints();
  }

  get runningIds(): string[] {
    return this.#rows.filter(({ state }) => state === 'running').map(({ id }) => id);
  }

  async #look(): Promise<Row[]> {
    const text = await this.#place.run(['ps', '-a', '--no-trunc', '--format', '{{json .}}']);
    const rows = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { ID: string; Names: string; State: string })
      .map(({ ID, Names, State }) => ({ id: ID, name: Names, state: State }));
    for (const { id } of rows) this.#known.add(id);
    return rows;
  }

  #deed(name: string): string[] {
    const row = this.#rows.find((one) => one.name === name);
    const flags = ['--name', name, ...(FLAGS[name] ?? [])];
    const make = [
      ['run', '-d', ...flags, 'box', ...RUN_ON],
      ['run', '-d', ...flags, 'box', ...RUN_ON],
      ['create', ...flags, 'box', ...RUN_ON],
      ['run', ...flags, 'box', 'true'],
    ];
    if (row === undefined) return this.#random.pick(make);
    const ifNetworked = (FLAGS[name] ?? []).includes('app')
      ? [
          ['network', 'connect', 'other', name],
          ['network', 'disconnect', 'other', name],
        ]
      : [];
    const use = {
      running: [
        ['stop', '-t', '1', name],
        ['restart', '-t', '0', name],
        ['exec', name, 'sleep', '0.2'],
        ['kill', name],
        ['pause', name],
        ['rm', '-f', '-v', name],
        ...ifNetworked,
      ],
      paused: [
        ['unpause', name],
        ['rm', '-f', '-v', name],
      ],
    }[row.state] ?? [['start', name], ['start', name], ['rm', '-v', name], ['restart', name], ...ifNetworked];
    return this.#random.pick(use);
  }

  async #disturb(name: string, args: readonly string[], victim: Victim, afterMs: number): Promise<void> {
    const [program = '', ...rest] = [...this.#place.prefix, BERTH, ...args];
    const child = spawn(program, rest, { env: this.#place.env, stdio: 'ignore' });
    let isOver = false;
    const over = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    }).then(() => {
      isOver = true;
    });
    await Promise.race([sleep(afterMs), over]);
    for (;;) {
      const killed = this.#kill(name, victim, child);
      if (killed.length > 0) {
        this.kills += 1;
        for (const each of killed)
          this.tally.set(`${args[0]} ${each}`, (this.tally.get(`${args[0]} ${each}`) ?? 0) + 1);
      }
      if (killed.length > 0 || isOver) break;
      await sleep(LOOK_AGAIN_MS);
    }
    await this.#expectEnd(child, over, `berth ${args.join(' ')} | kill ${victim}`);
  }

  async #expectEnd(child: ChildProcess, over: Promise<void>, what: string): Promise<void> {
    const late = new AbortController();
    const isLate = await Promise.race([
      over.then(() => false),
      sleep(COMMAND_MS, true, { signal: late.signal }),
    ]);
    late.abort();
    if (!isLate) return;
    const seen = treesOf([child.pid ?? 0, ...programsOf(this.#place).map(({ pid }) => pid)]);
    child.kill('SIGKILL');
    throw new Error(`${what} does not end:\n${seen}`);
  }

  /** @returns what was there to be killed. */
  #kill(name: string, victim: Victim, child: ChildProcess): string[] {
    const all = programsOf(this.#place);
    const monitor = all.find(({ kind, args }) => kind === 'conmon' && args[args.indexOf('-n') + 1] === name);
    const id = monitor?.id ?? this.#rows.find((row) => row.name === name)?.id ?? 'none yet';
    const own = all.filter((one) => one.id !== '' && id.startsWith(one.id));
    const targets =
      victim === 'command' || victim === 'all'
        ? [
            {
              pid: child.exitCode === null && child.signalCode === null ? (child.pid ?? 0) : 0,
              kind: 'command',
            },
          ]
        : [];
    const others = victim === 'all' ? own : own.filter(({ kind }) => kind === victim);
    const members = victim === 'all' ? membersOf(id).map((pid) => ({ pid, kind: 'member' })) : [];
    return [...targets, ...others, ...members].flatMap(({ pid, kind }) => (killed(pid) ? [kind] : []));
  }

  /** What is on the machine, and what is told of it. */
  #compare(traces: Traces): string[] {
    const alive = this.#rows.filter(({ state }) => state === 'running' || state === 'paused');
    const ids = (rows: readonly Row[]) => rows.map(({ id }) => id).sort();
    const networked = alive.filter(({ name }) => !WITHOUT.includes(name));
    const published = networked.filter(({ name }) => ['c0', 'c2', 'c3'].includes(name));
    const withOwn = this.#rows.filter(({ name }) => !['c3', 'c4'].includes(name));
    const odd = this.#rows.filter(({ state }) => !['created', 'running', 'paused', 'exited'].includes(state));
    return [
      ...odd.map((row) => `${row.name} is ${row.state}`),
      ...differences('monitors', traces.monitors, ids(alive)),
      ...differences(
        'relays',
        traces.relays,
        ids(networked.filter(({ name }) => ['c2', 'c3'].includes(name))).map((id) => id.slice(0, 32)),
      ),
      ...differences('cgroups', traces.cgroups, ids(alive)),
      ...differences('folders', traces.folders, ids(this.#rows)),
      ...differences(
        'namespaces',
        traces.namespaces,
        ids(networked).map((id) => id.slice(0, 32)),
      ),
      ...traces.programs
        .filter((args) => networked.length === 0 || !args.includes('aardvark-dns'))
        .map((args) => `still at work: ${args}`),
      ...traces.mounts.map((line) => `mounted: ${line}`),
      ...(traces.published.length === published.length
        ? []
        : [`${traces.published.length} addresses are published, of ${published.length} containers`]),
      ...(traces.devices.length < networked.length || traces.devices.length > 2 * networked.length
        ? [`${traces.devices.length} devices of ${networked.length} containers`]
        : []),
      ...(traces.volumes.filter((one) => one !== 'data').length === withOwn.length
        ? []
        : [`${traces.volumes.length} volumes: ${traces.volumes.join(' ')}`]),
    ];
  }
}

function killed(pid: number): boolean {
  try {
    return pid > 1 && process.kill(pid, 'SIGKILL');
  } catch {
    return false; // it has ended meanwhile
  }
}

function differences(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  return [
    ...found.filter((one) => !wanted.includes(one)).map((one) => `${what}: ${one} should not be there`),
    ...wanted.filter((one) => !found.includes(one)).map((one) => `${what}: ${one} is missing`),
  ];
}
