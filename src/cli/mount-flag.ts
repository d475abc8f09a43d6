import { resolve } from 'node:path';
import type { HostConfig } from '../runtime/container/index.js';
import { findBoolean } from '../spelling/index.js';
import { parseSize, specFields, splitPair } from './build-flags.js';
import { UsageError } from './failure.js';

type Mount = NonNullable<HostConfig['Mounts']>[number];

/** `type=bind,source=/here,target=/there,readonly`, with docker's other names for these. @throws {UsageError} */
export function parseMount(text: string): Mount {
  const mount: Record<string, unknown> = { Type: 'volume' };
  const options = { bind: {}, volume: {}, tmpfs: {}, driver: {} } as Record<string, Record<string, unknown>>;
  for (const [name, value] of specFields(text)) applyField(mount, options, name.toLowerCase(), value, text);
  if (mount.Target === undefined) throw wrong(text, 'target is required');
  const { bind = {}, volume = {}, tmpfs = {}, driver = {} } = options;
  if (hasAny(driver)) volume.DriverConfig = driver;
  return {
    ...mount,
    ...(hasAny(bind) && { BindOptions: bind }),
    ...(hasAny(volume) && { VolumeOptions: volume }),
    ...(hasAny(tmpfs) && { TmpfsOptions: tmpfs }),
  };
}

/** `-v ./here:/there`: what is relative is so to where the command runs. */
export function absoluteBind(text: string): string {
  const colon = text.indexOf(':');
  if (colon < 0 || !/^\.{1,2}(?:\/|:|$)/.test(text)) return text;
  return `${resolve(text.slice(0, colon))}${text.slice(colon)}`;
}

function applyField(
  mount: Record<string, unknown>,
  options: Record<string, Record<string, unknown>>,
  name: string,
  value: string,
  text: string,
): void {
  const { bind = {}, volume = {}, tmpfs = {}, driver = {} } = options;
  switch (name) {
    case 'type':
      mount.Type = value.toLowerCase();
      return;
    case 'source':
    case 'src':
      mount.Source = /^\.{1,2}(?:\/|$)/.test(value) ? resolve(value) : value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      mount.Target = value;
      return;
    case 'readonly':
    case 'ro':
      mount.ReadOnly = booleanOf(value, name, text);
      return;
    case 'consistency':
      mount.Consistency = value;
      return;
    case 'bind-propagation':
      bind.Propagation = value;
      return;
    case 'bind-nonrecursive':
      bind.NonRecursive = booleanOf(value, name, text);
      return;
    case 'volume-nocopy':
      volume.NoCopy = booleanOf(value, name, text);
      return;
    case 'volume-subpath':
      volume.Subpath = value;
      return;
    case 'volume-driver':
      driver.Name = value;
      return;
    case 'volume-label':
      volume.Labels = { ...(volume.Labels as object), ...Object.fromEntries([pairOf(value)]) };
      return;
    case 'volume-opt':
      driver.Options = { ...(driver.Options as object), ...Object.fromEntries([pairOf(value)]) };
      return;
    case 'tmpfs-size':
      tmpfs.SizeBytes = parseSize(value, 'tmpfs-size');
      return;
    case 'tmpfs-mode':
      if (!/^[0-7]{1,5}$/.test(value))
        throw wrong(text, `tmpfs-mode=${value} is no mode: write it as in 1777`);
      tmpfs.Mode = Number.parseInt(value, 8);
      return;
    default:
      throw wrong(text, `unexpected key '${name}'`);
  }
}

function pairOf(text: string): [string, string] {
  const [name, value = ''] = splitPair(text);
  return [name, value];
}

function booleanOf(value: string, name: string, text: string): boolean {
  const found = value === '' ? true : findBoolean(value);
  if (found === undefined) throw wrong(text, `${name} is true or false, not '${value}'`);
  return found;
}

function wrong(text: string, why: string): UsageError {
  return new UsageError(`invalid argument ${JSON.stringify(text)} for --mount: ${why}`);
}

function hasAny(part: object): boolean {
  return Object.keys(part).length > 0;
}
