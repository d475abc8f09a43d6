import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { ownCapabilities } from '../../src/runtime/capabilities.js';
import type { SpecResources } from '../../src/runtime/limits/index.js';
import { containerSpec, type SpecMount } from '../../src/runtime/spec.js';
import { ownIDs, usableCgroups } from '../../src/runtime/surroundings.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { run } from '../support/run.js';

export type RuncContainerOptions = Readonly<{
  /** For its bundle. */
  folder: string;
  rootfs: string;
  /** For sh -c. */
  script: string;
  mounts?: readonly SpecMount[];
  resources?: SpecResources;
}>;

/** What this machine lets containers have. */
export const SURROUNDINGS = { ids: ownIDs(), capabilities: ownCapabilities(), cgroups: usableCgroups() };

/** A root filesystem of busybox, as a directory. */
export async function busyboxRoot(folder: string): Promise<string> {
  await writeBusyboxRoot(folder);
  return join(folder, 'busybox-root');
}

/** Runs a container to its end, with runc alone. @returns what it wrote to stdout. @throws {RunError} */
export async function runContainer(options: RuncContainerOptions): Promise<string> {
  const { bundle, id, runc } = prepare(options);
  return run([...runc, 'run', '--bundle', bundle, id]);
}

/** A container on runc, watched and logged by conmon. */
export class RuncContainer implements AsyncDisposable {
  readonly id: string;
  /** Of its first process. */
  readonly pid: number;
  readonly #bundle: string;
  readonly #runc: readonly string[];

  private constructor(prepared: ReturnType<typeof prepare>, pid: number) {
    this.id = prepared.id;
    this.pid = pid;
    this.#bundle = prepared.bundle;
    this.#runc = prepared.runc;
  }

  static async create(options: RuncContainerOptions): Promise<RuncContainer> {
    const prepared = prepare(options);
    const { bundle, id, runc } = prepared;
    const [program = '', ...runtimeArgs] = runc;
    const args = ['--api-version', '1', '-c', id, '-u', id, '-n', id, '-r', program, '-b', bundle];
    args.push('-p', join(bundle, 'pidfile'), '--exit-dir', bundle, '--persist-dir', bundle, '--full-attach');
    args.push('-l', `k8s-file:${join(bundle, 'ctr.log')}`, '--no-sync-log', '--log-level', 'warn');
    args.push('--conmon-pidfile', join(bundle, 'conmon.pid'));
    for (const arg of runtimeArgs) args.push('--runtime-arg', arg);
    const conmon = spawn('conmon', args, {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, _OCI_SYNCPIPE: '3', _OCI_STARTPIPE: '4' },
    });
    const [, , , sync, start] = conmon.stdio;
    (start as Writable).end('x');
    // One line; conmon keeps the pipe open as long as the container is there.
    const [answer] = (await once(sync as Readable, 'data')) as [Buffer];
    (sync as Readable).destroy();
    conmon.unref();
    const { data, message } = JSON.parse(answer.toString()) as { data: number; message?: string };
    if (data < 0) throw new Error(`conmon could not make a container: ${message}`);
    return new RuncContainer(prepared, data);
  }

  get log(): { log: string; ctl: string } {
    return { log: join(this.#bundle, 'ctr.log'), ctl: join(this.#bundle, 'ctl') };
  }

  async runc(command: string, ...args: readonly string[]): Promise<string> {
    return run([...this.#runc, command, ...args, this.id]);
  }

  async start(): Promise<void> {
    await this.runc('start');
  }

  async update(resources: SpecResources): Promise<void> {
    await run([...this.#runc, 'update', '--resources', '-', this.id], { input: JSON.stringify(resources) });
  }

  /** @returns the exit code. */
  async ended(): Promise<number> {
    const file = join(this.#bundle, this.id);
    while (!existsSync(file)) await setTimeout(10);
    return Number(readFileSync(file, 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run([...this.#runc, 'delete', '--force', this.id]).catch(() => {});
    await this.ended();
  }
}

function prepare({ folder, rootfs, script, mounts = [], resources = {} }: RuncContainerOptions) {
  const id = randomBytes(16).toString('hex');
  const bundle = join(folder, id);
  mkdirSync(bundle);
  const { cgroups } = SURROUNDINGS;
  const spec = containerSpec(
    {
      rootfs,
      args: ['/bin/sh', '-c', script],
      env: [],
      cwd: '/',
      user: { uid: 0, gid: 0, groups: [], home: '/root' },
      hostname: 'c',
      terminal: false,
      network: 'none',
      privileged: false,
      mounts,
      rlimits: [],
      ...(cgroups !== 'none' && { cgroupsPath: `/berth-test-${id}` }),
    },
    SURROUNDINGS,
  );
  const linux = { ...spec.linux, resources: { ...spec.linux.resources, ...resources } };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify({ ...spec, linux }));
  const runc = [
    '/usr/sbin/runc',
    '--root',
    join(folder, 'state'),
    ...(cgroups === 'none' ? ['--rootless=true'] : []),
  ];
  return { id, bundle, runc };
}
