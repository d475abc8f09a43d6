import type {
  FailedContainer,
  RunDevices,
  RunMount,
  RunStep,
  StepRunner,
  Ulimit,
} from '../../layer/index.js';
import { keyOf } from '../cache/key.js';
import type { RunInstruction, RunScript } from '../dockerfile/index.js';
import { CommandFailedError } from '../errors.js';
import { contentKeyOf, hasChanged, type MountedStep, type PreparedMount } from './mounts.js';
import { OutputTail } from './output-tail.js';
import { addLayer, findCached, parentChain, type StepParts } from './step-parts.js';

/** What holds for all RUNs of a build. */
export type RunSettings = Readonly<{
  hostname: string;
  addHosts: readonly string[];
  shmBytes?: number;
  ulimits: readonly Ulimit[];
  cgroupParent?: string;
  /** Which devices commands may have, and where those are described. */
  devices: Omit<RunDevices, 'wanted'>;
  /** Variables that no key depends on: proxies. */
  ambient: ReadonlyMap<string, string>;
}>;

/** `name` as progress has it. */
export type OnFailed = (
  failed: FailedContainer,
  step: Readonly<{ name: string; error: CommandFailedError }>,
) => Promise<void>;

export type RunRequest = Readonly<{
  /** As progress names it. */
  name: string;
  args: readonly string[];
  script?: RunScript;
  network: RunInstruction['network'];
  security: RunInstruction['security'];
  mounts: readonly PreparedMount[];
  devices: RunDevices['wanted'];
  settings: RunSettings;
  runner: StepRunner;
  openMounts: (prepared: readonly PreparedMount[]) => Promise<MountedStep>;
  /** Given a shell in what a failed command left. */
  onFailed?: OnFailed;
}>;

/** RUN: a container on top of the layers so far; what it changes is the new layer. */
export async function runStep(parts: StepParts, request: RunRequest): Promise<void> {
  const text = parts.state.runText(request.args);
  const definition = definitionOf(parts, request);
  const quickKey = keyOf(
    'run-quick',
    definition,
    request.mounts.map(({ quickKey }) => quickKey),
  );
  const quick = await findCached(parts, [quickKey]);
  if (quick !== undefined) return addLayer(parts, quick, text, 'cache');

  const contents = [];
  for (const mount of request.mounts) contents.push(await contentKeyOf(mount, parts.layers));
  const key = keyOf('run', definition, contents);
  const cached = await findCached(parts, [key]);
  if (cached !== undefined) {
    parts.cache.put(cached, { keys: [quickKey], description: text });
    return addLayer(parts, cached, text, 'cache');
  }
  const { diffID, size, path } = await execute(parts, request);
  parts.layers.keep(path, { diffID, size });
  const layer = { diffID, size, created: new Date().toISOString() };
  if (request.mounts.some(hasChanged)) parts.progress.output('stderr', CHANGED);
  else parts.cache.put(layer, { keys: [key, quickKey], description: text });
  addLayer(parts, layer, text, 'new');
}

const CHANGED = Buffer.from(
  'berth: files that this step mounts changed while it ran, so its result is not kept in the cache\n',
);

function definitionOf(
  parts: StepParts,
  { args, script, network, security, devices, settings }: RunRequest,
): string {
  const { state } = parts;
  const hosts = settings.addHosts.map((host) => host.split(':')[0]);
  const { shmBytes = null, ulimits } = settings;
  return keyOf(
    parentChain(parts),
    args,
    script ?? null,
    state.environment(),
    state.workdir,
    state.user,
    network,
    security,
    [hosts, shmBytes, ulimits],
    state.platform,
    ...(devices.length > 0 ? [devices] : []),
  );
}

async function execute(parts: StepParts, request: RunRequest) {
  const { state, layers, progress, signal } = parts;
  using mounted = await request.openMounts(request.mounts);
  const tail = new OutputTail(mounted.secrets);
  const step = stepOf(parts, request, mounted, (stream, chunk) => {
    for (const shown of tail.add(stream, chunk)) progress.output(stream, shown);
  });
  const outcome = await request.runner.run({ ...step, stack: layers.stack(state.layers), signal });
  for (const stream of ['stdout', 'stderr'] as const) {
    for (const shown of tail.end(stream)) progress.output(stream, shown);
  }
  if (outcome.layer !== undefined) return outcome.layer;
  const error = new CommandFailedError(request.args.join(' '), outcome.exitCode, tail.text());
  if (outcome.failed !== undefined) {
    await using failed = outcome.failed;
    await request.onFailed?.(failed, { name: request.name, error });
  }
  throw error;
}

function stepOf(
  { state }: StepParts,
  { name, args, script, network, security, devices, settings, onFailed }: RunRequest,
  mounted: MountedStep,
  onOutput: RunStep['onOutput'],
): Omit<RunStep, 'stack' | 'signal'> {
  const { hostname, addHosts, shmBytes, ulimits, cgroupParent, ambient } = settings;
  const extra = [...ambient, ...mounted.env].map(([key, value]) => `${key}=${value}`);
  return {
    name,
    args,
    env: [...state.environment(), ...extra],
    cwd: state.workdir,
    user: state.user,
    network,
    security,
    mounts: [...mounted.mounts, ...(script === undefined ? [] : [scriptMount(script)])],
    hostname,
    addHosts,
    ...(shmBytes !== undefined && { shmBytes }),
    ulimits,
    ...(cgroupParent !== undefined && { cgroupParent }),
    ...(devices.length > 0 && { devices: { ...settings.devices, wanted: devices } }),
    keepFailed: onFailed !== undefined,
    onOutput,
  };
}

function scriptMount({ path, content }: RunScript): RunMount {
  const owner = { mode: 0o755, uid: 0, gid: 0 };
  return { type: 'file', content: Buffer.from(content), owner, target: path, secret: false };
}
