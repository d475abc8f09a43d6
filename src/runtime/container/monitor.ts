import type { ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { processIdentity } from '../../linux/index.js';
import { ContainerStartError, lastWords, RuntimeUnavailableError } from '../errors.js';
import { FUSE_TYPE, FuseOverlay } from '../fuse-overlay.js';
import type { LogPlan } from '../logs/index.js';
import { moveToMonitors } from '../monitors-cgroup.js';
import type { UsableRuntime } from '../oci-runtime.js';
import type { OverlayMount } from '../overlay.js';
import { requiredProgram, startProgram } from '../programs.js';
import { startFailure } from '../start-failure.js';
import type { ContainerFolder } from './container-folder.js';
import { FRUGAL } from './frugal.js';
import { argumentsOfProcess, descendantsOf } from './process-tree.js';

/** How often is looked whether the runtime is at work still; so many times in vain, and it is not. */
const LOOK_MS = 2000;
const LOOKS_IN_VAIN = 5;
/** Most containers are made in a tenth of a second; a hundred at once, on a slow machine, take a hundred times as long. */
const LONGEST_CREATION_MS = 120_000;

export type MonitorOptions = Readonly<{
  id: string;
  name: string;
  folder: ContainerFolder;
  runtime: UsableRuntime & Readonly<{ stateDirectory: string }>;
  /** With names relative to the folder. */
  overlay: OverlayMount;
  /** More options of mount(8). */
  flags: readonly string[];
  /** A command before its own: runs when the container is to be made, and then becomes the monitor. */
  before: readonly string[];
  /** What keeps its output: as in HostConfig.LogConfig. */
  logDriver: LogPlan['driver'];
  /** How large a file of it may become before it begins anew; infinity where somebody rotates it. */
  maxLogBytes: number;
  terminal: boolean;
  /** Its input stays open for whoever attaches; else it has none. */
  hasInput: boolean;
  /** Its input stays open when one that was attached has ended. */
  keepsInput: boolean;
  /** Descriptors that stay open as long as it lives. */
  heldDescriptors: readonly number[];
  /** Run when it has ended. */
  exitCommand: readonly string[];
}>;

/**
 * conmon in a mount namespace of its own, in which the root filesystem is mounted: it keeps the log, the terminal and the
 * exit code of one container, whatever becomes of us, and when it and the container are gone, so is the mount.
 *
 * It starts in two steps, since what the container is made of is found out in its root filesystem: `launch` mounts it, and
 * `create` makes the container once its config.json is written.
 */
export class Monitor implements Disposable {
  readonly #child: ChildProcess;
  readonly #options: MonitorOptions;
  readonly #moved: Promise<void>;
  #complaint = '';
  #isCreated = false;

  /**
   * Mounts, and becomes conmon when it is told to: if whoever should tell it is killed, it ends. Everything that is not
   * constant is an argument.
   */
  static readonly #LAUNCH =
    'mount -i -t "$1" -o "$2" "$1" root && exec 6<&- && echo && shift 2 && read -r _ <&4 && exec "$@" 4<&-';
  /** In the launched process, until it has mounted. */
  static readonly #FUSE = 6;

  /** @throws {RuntimeUnavailableError} a program is missing, or the mount is not possible. */
  static async launch(options: MonitorOptions): Promise<Monitor> {
    const unshare = requiredProgram('unshare', { package: 'util-linux', for: 'containers' });
    const conmon = requiredProgram('conmon', { package: 'conmon', for: 'containers' });
    const { overlay, flags, before, folder } = options;
    using fuse = overlay.kind === 'fuse' ? FuseOverlay.open() : undefined;
    const [type, mountOptions] =
      fuse === undefined ? ['overlay', overlay.options] : [FUSE_TYPE, fuse.mountOptions(Monitor.#FUSE)];
    const command = [...before, conmon, ...argumentsOf(options)];
    const args = [
      '--mount',
      '--propagation',
      'slave',
      '--',
      '/bin/sh',
      '-c',
      Monitor.#LAUNCH,
      'sh',
      type,
      [...flags, mountOptions].join(','),
      ...command,
    ];
    using presence = folder.markMonitored();
    const child = startProgram(unshare, args, {
      cwd: folder.path,
      env: { ...environment(), ...FRUGAL, _OCI_SYNCPIPE: '3' },
      stdio: [
        'ignore',
        'pipe',
        'pipe',
        'pipe',
        'pipe',
        presence.fd,
        fuse?.fd ?? 'ignore',
        ...options.heldDescriptors,
      ],
      detached: true, // an interrupt from the terminal is for us to act on
    });
    const monitor = new Monitor(child, options);
    try {
      await monitor.#untilMounted();
      fuse?.serve(folder.path, overlay.options, 'with-mount');
      return monitor;
    } catch (error) {
      monitor[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(child: ChildProcess, options: MonitorOptions) {
    this.#child = child;
    this.#options = options;
    this.#moved = child.pid === undefined ? Promise.resolve() : moveToMonitors(child.pid);
    child.stderr?.on('data', (chunk) => {
      this.#complaint = `${this.#complaint}${chunk}`.slice(-4096);
    });
    for (const stream of child.stdio) stream?.on('error', () => {}); // its end tells as much
  }

  /** The root filesystem as it is mounted there, to be looked at until the container is made. */
  get root(): string {
    return `/proc/${this.#child.pid}/root${this.#options.folder.path}/root`;
  }

  /**
   * Makes the container of the folder's config.json; it waits for being started.
   * @returns its first process, and what the monitor is to be known by. @throws {ContainerStartError}
   */
  async create(): Promise<Readonly<{ pid: number; monitor: string }>> {
    await this.#moved;
    const gate = this.#child.stdio[4] as Duplex;
    gate.end('\n');
    const { data, message = '' } = await this.#answer();
    if (data <= 0) throw startError(lastWords(message) || lastWords(this.#complaint));
    this.#isCreated = true;
    const pid = this.#monitorPid();
    return { pid: data, monitor: processIdentity(pid) };
  }

  /** Lets go of it; what did not become a container ends. */
  [Symbol.dispose](): void {
    if (!this.#isCreated) this.#child.kill('SIGKILL');
    for (const stream of this.#child.stdio) stream?.destroy();
    this.#child.unref();
  }

  #untilMounted(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.stdout?.once('data', () => resolve());
      this.#child.once('error', reject);
      this.#child.once('exit', () =>
        reject(
          new RuntimeUnavailableError(
            `cannot mount the root filesystem of a container in ${this.#options.folder.path}: ` +
              (lastWords(this.#complaint) || 'its monitor ended early'),
          ),
        ),
      );
    });
  }

  async #answer(): Promise<{ data: number; message?: string }> {
    const pipe = this.#child.stdio[3] as Duplex;
    const over = new AbortController();
    const text = await new Promise<string>((resolve) => {
      let received = '';
      pipe.on('data', (chunk) => {
        received += chunk;
        if (received.includes('\n')) resolve(received);
      });
      pipe.once('close', () => resolve(received));
      void this.#forsaken(over.signal).then(
        (why) => resolve(JSON.stringify({ data: -1, message: why })),
        () => {},
      );
    });
    over.abort();
    try {
      return JSON.parse(text) as { data: number; message?: string };
    } catch {
      return { data: -1 };
    }
  }

  /**
   * Until nothing can be expected any more of what makes the container: a runtime that is killed at its very end leaves a
   * process for whose output conmon waits without end, and one that opens files of a hostile image may wait itself.
   * @returns why. @throws the signal's reason.
   */
  async #forsaken(over: AbortSignal): Promise<string> {
    const deadline = performance.now() + LONGEST_CREATION_MS;
    for (let inVain = 0; inVain < LOOKS_IN_VAIN; ) {
      await setTimeout(LOOK_MS, undefined, { signal: over });
      if (performance.now() > deadline)
        return `the runtime has not made the container in ${LONGEST_CREATION_MS / 1000} seconds`;
      inVain = descendantsOf(this.#monitorPid()).some(isCreating) ? 0 : inVain + 1;
    }
    return 'the runtime was ended while it made the container';
  }

  #monitorPid(): number {
    return this.#options.folder.monitorPid() ?? this.#child.pid ?? 0;
  }
}

function isCreating(pid: number): boolean {
  return argumentsOfProcess(pid).includes('create');
}

function argumentsOf({ id, name, folder, runtime, ...options }: MonitorOptions): string[] {
  const { path } = folder;
  const logPrefix = runtime.kind === 'crun' ? 'file:' : '';
  const runtimeArguments = [
    ...runtime.options,
    '--root',
    runtime.stateDirectory,
    '--log-format=json',
    '--log',
    logPrefix + folder.file('oci-log'),
  ];
  const [exitCommand, ...exitArguments] = options.exitCommand;
  return [
    ...['--api-version', '1', '-c', id, '-u', id, '-n', name, '-r', runtime.program],
    ...['-b', path, '-p', folder.file('pidfile'), '--conmon-pidfile', folder.file('conmon.pid')],
    // Its own copy of the exit code goes to a directory that has nothing else.
    ...['--exit-dir', path, '--persist-dir', path, '--full-attach', '--no-sync-log'],
    ...['-l', options.logDriver === 'json-file' ? `k8s-file:${folder.file('log')}` : options.logDriver],
    ...(Number.isFinite(options.maxLogBytes) ? ['--log-size-max', String(options.maxLogBytes)] : []),
    ...['--log-level', 'warn'],
    ...(options.terminal ? ['-t'] : []),
    ...(options.hasInput ? ['-i'] : []),
    ...(options.keepsInput ? ['--leave-stdin-open'] : []),
    ...(exitCommand === undefined ? [] : ['--exit-command', exitCommand]),
    ...exitArguments.flatMap((argument) => ['--exit-command-arg', argument]),
    ...runtimeArguments.flatMap((argument) => ['--runtime-arg', argument]),
  ];
}

/** Without what systemd tells services: runc would act on it. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, XDG_RUNTIME_DIR, XDG_CACHE_HOME, NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, XDG_RUNTIME_DIR, XDG_CACHE_HOME, NODE_COMPILE_CACHE };
}

/** Docker's exit codes: of the command where that is at fault, else 125. */
function startError(message: string): ContainerStartError {
  try {
    return new ContainerStartError(message, startFailure(message));
  } catch {
    return new ContainerStartError(message, 125);
  }
}
