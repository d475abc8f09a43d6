import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ClientProcess } from './client-process.ts';
import { blobFolder } from './fixtures.ts';
import { type Program, RunningServer, type ServerFolder, serverFolder } from './peers.ts';
import { cpuSecondsOf, untilQuiet } from './process-stats.ts';
import { type Descriptor, MANIFEST_TYPE } from './requests.ts';
import type { RowResult, Sample } from './results.ts';
import { IMAGE_REPOSITORY, type Row, type Task } from './rows.ts';
import type { Scale } from './scale.ts';
import type { Work } from './work.ts';
import { haveWrk, runWrk } from './wrk.ts';

/** One of the two that are compared. `server` runs on the store in `folder`, except while start-up is measured. */
export type Side = {
  readonly program: Program;
  readonly folder: ServerFolder;
  server?: RunningServer;
  content?: SeededContent;
};

/** What was pushed to a side before the rows that read it. */
export type SeededContent = Readonly<{
  big: readonly string[];
  small: readonly string[];
  config: Descriptor;
  layer: Descriptor;
}>;

type RunningSide = Side & Required<Pick<Side, 'server' | 'content'>>;
type StartTask = Extract<Task, { kind: 'start' }>;

/** Performs the rows, each repetition on one side and then at once on the other: A B A B. */
export class Bench {
  readonly #client: ClientProcess;
  readonly #scale: Scale;
  readonly #berth: Side;
  readonly #peer: Side | undefined;
  readonly #wrk = haveWrk();
  #runs = 0;

  constructor(client: ClientProcess, scale: Scale, sides: { berth: Side; peer: Side | undefined }) {
    this.#client = client;
    this.#scale = scale;
    this.#berth = sides.berth;
    this.#peer = sides.peer;
  }

  async measure(row: Row): Promise<RowResult> {
    const { phase: _phase, task, repetitions, ...facts } = row;
    const berth: Sample[] = [];
    const peer: Sample[] = [];
    const { warmUps } = this.#scale;
    for (let round = 0; round < warmUps + repetitions; round += 1) {
      for (const [side, samples] of [
        [this.#berth, berth],
        [this.#peer, peer],
      ] as const) {
        if (side === undefined) continue;
        const sample = await this.#perform(side, task);
        if (round >= warmUps) samples.push(sample);
      }
    }
    return { ...facts, berth, peer: this.#peer && peer };
  }

  #perform(side: Side, task: Task): Promise<Sample> {
    switch (task.kind) {
      case 'start':
        return this.#start(side, task);
      case 'help':
        return help(side.program);
      case 'push':
        return this.#push(running(side), task);
      case 'pull':
        return this.#pull(running(side), task);
      case 'repeat':
        return this.#repeat(running(side), task);
      case 'manifests':
        return this.#manifests(running(side), task);
    }
  }

  async #start({ program, folder }: Side, { store }: StartTask): Promise<Sample> {
    const used = store === 'empty' ? serverFolder(path.join(path.dirname(folder.config), 'empty')) : folder;
    if (store === 'unindexed') await removeIndex(used);
    const server = await RunningServer.start(program, used);
    await server.stop();
    if (store === 'empty') await rm(path.dirname(used.config), { recursive: true });
    return { value: server.startSeconds * 1000 };
  }

  async #push({ server, folder }: RunningSide, task: Extract<Task, { kind: 'push' }>): Promise<Sample> {
    // Pages that an earlier repetition left to be written would slow down whoever comes next.
    await promisify(execFile)('sync', ['-f', folder.data]);
    this.#runs += 1;
    const cpu = cpuSecondsOf(server.pid);
    const work = await this.#client.ask({
      ...task,
      port: server.port,
      repository: `bench/push-${this.#runs}`,
    });
    const cpuSeconds = cpuSecondsOf(server.pid) - cpu;
    // On S3 they stay: nothing of them is in memory there.
    for (const digest of work.digests) await rm(blobFolder(folder, digest), { recursive: true, force: true });
    return throughput(work, cpuSeconds);
  }

  async #pull({ server, content }: RunningSide, task: Extract<Task, { kind: 'pull' }>): Promise<Sample> {
    const cpu = cpuSecondsOf(server.pid);
    const work = await this.#client.ask({
      kind: 'pull',
      port: server.port,
      repository: IMAGE_REPOSITORY,
      digests: content[task.size],
      clients: task.clients,
      mode: task.mode,
    });
    return throughput(work, cpuSecondsOf(server.pid) - cpu);
  }

  async #repeat({ server }: RunningSide, task: Extract<Task, { kind: 'repeat' }>): Promise<Sample> {
    const { seconds } = this.#scale;
    const headers = [`Accept: ${MANIFEST_TYPE}`];
    const many = task.connections > 1;
    const work =
      many && task.method === 'GET' && this.#wrk
        ? await runWrk(`http://127.0.0.1:${server.port}${task.path}`, { ...task, seconds, headers })
        : await this.#client.ask({ ...task, port: server.port, seconds, headers });
    const perSecond = work.requests / work.seconds;
    return { value: many ? perSecond : 1000 / perSecond, client: work.cpuSeconds / work.seconds };
  }

  async #manifests(
    { server, content }: RunningSide,
    { connections }: Extract<Task, { kind: 'manifests' }>,
  ): Promise<Sample> {
    const { config, layer } = content;
    const work = await this.#client.ask({
      kind: 'manifests',
      port: server.port,
      repository: IMAGE_REPOSITORY,
      config,
      layer,
      count: this.#scale.manifests,
      connections,
    });
    return { value: work.requests / work.seconds, client: work.cpuSeconds / work.seconds };
  }
}

/**
 * Starts a side on its store and waits until nothing goes on in it any more.
 * @returns seconds that it was busy after it had begun to answer.
 */
export async function startSide(side: Side): Promise<number> {
  side.server = await RunningServer.start(side.program, side.folder);
  return untilQuiet(side.server.pid);
}

export async function removeIndex({ data }: ServerFolder): Promise<void> {
  await rm(path.join(data, 'berth'), { recursive: true, force: true });
}

function running(side: Side): RunningSide {
  const { server, content } = side;
  if (server === undefined || content === undefined) throw new Error(`${side.program.name} is not running`);
  return { ...side, server, content };
}

async function help({ command }: Program): Promise<Sample> {
  const start = performance.now();
  await promisify(execFile)(command, ['--help']);
  return { value: performance.now() - start };
}

function throughput(work: Work, serverCpuSeconds: number): Sample {
  return {
    value: work.bytes / 1e6 / work.seconds,
    client: work.cpuSeconds / work.seconds,
    cpuSecondsPerGb: serverCpuSeconds / (work.bytes / 1e9),
  };
}
