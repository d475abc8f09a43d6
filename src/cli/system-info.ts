import manifest from '../../package.json' with { type: 'json' };
import { infoJson } from '../engine/index.js';
import { openContainerHost } from './container-host.js';
import { engineParts } from './engine-parts.js';
import { Template, unescaped } from './format-template.js';
import type { StoreFlags } from './image-store.js';
import { binarySize } from './image-units.js';

type Info = Awaited<ReturnType<typeof infoJson>>;

/** `berth info`: what docker tells of its daemon, about this machine. */
export async function showInfo({
  format,
  ...flags
}: StoreFlags & Readonly<{ format?: string }>): Promise<void> {
  using opened = await openContainerHost(flags);
  const info = await infoJson(engineParts(opened.host, flags));
  const ClientInfo = { Version: manifest.version, Context: 'default', Plugins: [], Warnings: null };
  if (format === undefined) process.stdout.write(infoText(info));
  else if (format === 'json') process.stdout.write(`${JSON.stringify({ ...info, ClientInfo })}\n`);
  else process.stdout.write(`${new Template(unescaped(format)).render({ ...info, ClientInfo })}\n`);
}

/** As docker prints it, without what Berth has not. */
function infoText(info: Info): string {
  const { Plugins, RegistryConfig } = info;
  const lines = [
    'Client: Berth',
    ` Version:    ${manifest.version}`,
    ' Context:    default',
    '',
    'Server:',
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ` Server Version: ${info.ServerVersion}`,
    ` Storage Driver: ${info.Driver}`,
    ...info.DriverStatus.map(([name, value]) => `  ${name}: ${value}`),
    ` Logging Driver: ${info.LoggingDriver}`,
    ` Cgroup Driver: ${info.CgroupDriver}`,
    ` Cgroup Version: ${info.CgroupVersion}`,
    ' Plugins:',
    `  Volume: ${Plugins.Volume.join(' ')}`,
    `  Network: ${Plugins.Network.join(' ')}`,
    `  Log: ${Plugins.Log.join(' ')}`,
    ` Swarm: ${info.Swarm.LocalNodeState}`,
    ` Runtimes: ${Object.keys(info.Runtimes).join(' ')}`,
    ` Default Runtime: ${info.DefaultRuntime}`,
    ' Security Options:',
    ...info.SecurityOptions.flatMap(optionLines),
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${binarySize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Docker Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
    ...named({ 'HTTP Proxy': info.HttpProxy, 'HTTPS Proxy': info.HttpsProxy, 'No Proxy': info.NoProxy }),
    ` Experimental: ${info.ExperimentalBuild}`,
    ' Insecure Registries:',
    ...RegistryConfig.InsecureRegistryCIDRs.map((subnet) => `  ${subnet}`),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** `name=seccomp,profile=builtin`. */
function optionLines(option: string): string[] {
  const [[, name] = [], ...details] = option.split(',').map((text) => text.split('='));
  return [
    `  ${name}`,
    ...details.map(([key = '', value]) => `   ${key[0]?.toUpperCase()}${key.slice(1)}: ${value}`),
  ];
}

/** Those that have a value. */
function named(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => (value === '' ? [] : [` ${name}: ${value}`]));
}
